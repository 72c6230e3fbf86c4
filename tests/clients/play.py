"""Let real agent programs play whole episodes, without a key and without a network: make test-clients

    python tests/clients/play.py [--folder DIR] [CLIENT ...]

For each client: install the pinned version into DIR; in a network namespace that has loopback alone, start the
scripted model; do what the client's section of docs/outside-agents.md says, word for word, with a small task and model;
and check that the run was scored. Prints one line of figures per client.

Needs npm (Node.js 20), unshare and ip, Python 3.12 for OpenHands, and root or user namespaces. What is missing for the
chosen clients is named before anything is fetched.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from clients.scripted_model import Call, Script, ScriptedModel, as_command  # noqa: E402
from stdio_client import FILES  # noqa: E402

PORT = 8099
URL = f"http://127.0.0.1:{PORT}"
KEY = "no-key-is-needed"
LIMIT_S = 900
WORK = "work"
"""The working folder of a client, in its home."""
STEPS = [
    Call("dojo_wait", {"wait_s": 20}),
    Call("dojo_task"),
    Call("dojo_schema", {"file": "train.yaml"}),
    Call("dojo_raw_data"),
    Call("dojo_read_raw", {"path": "train.jsonl", "rows": 3}),
    Call("dojo_precheck", {"files": FILES, "wait_s": 20}),
    Call("dojo_submit", {"files": FILES, "wait_s": 20}),
    Call("dojo_feedback", {"iteration": 1}),
    Call("dojo_status"),
    Call("dojo_finish", {"wait_s": 20}),
]


@dataclass(frozen=True)
class Client:
    """An agent program: how it is installed, and what it needs to find the scripted model."""

    heading: str
    """Its name in docs/outside-agents.md; the version stands after it."""
    npm: str = ""
    pip: Sequence[str] = ()
    pythons: Sequence[str] = (sys.executable,)
    """The Pythons with which it can be installed; the first one that is there is taken."""
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """Path below the home -> text, of its own settings, which are not about ftdojo."""
    shell: bool = False


OPENAI = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{URL}/v1", "OPENAI_API_BASE": f"{URL}/v1"}
LITELLM = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
CODEX = f"""
model = "scripted"
model_provider = "loopback"
check_for_update_on_startup = false

[model_providers.loopback]
name = "loopback"
base_url = "{URL}/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"

[analytics]
enabled = false

"""
OPENCODE = {
    "autoupdate": False,
    "share": "disabled",
    "model": "loopback/scripted",
    "small_model": "loopback/scripted",
    "provider": {
        "loopback": {
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": f"{URL}/v1", "apiKey": KEY},
            "models": {"scripted": {"limit": {"context": 200000, "output": 8000}}},
        }
    },
}
GEMINI = {
    "general": {"enableAutoUpdate": False, "disableAutoUpdate": True},
    "privacy": {"usageStatisticsEnabled": False},
    "security": {"auth": {"selectedType": "gemini-api-key"}},
}
CLIENTS = {
    "claude": Client(
        "Claude Code", npm="@anthropic-ai/claude-code",
        environment={
            "ANTHROPIC_BASE_URL": URL, "ANTHROPIC_API_KEY": KEY, "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        },
    ),
    "codex": Client("Codex", npm="@openai/codex", environment=OPENAI, files={".codex/config.toml": CODEX}),
    "opencode": Client(
        "opencode", npm="opencode-ai", files={".config/opencode/opencode.json": json.dumps(OPENCODE)},
        environment={"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1"},
    ),
    "gemini": Client(
        "Gemini CLI", npm="@google/gemini-cli", files={".gemini/settings.json": json.dumps(GEMINI)},
        environment={"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": URL},
    ),
    "openhands": Client(
        "OpenHands", pip=["openhands"], pythons=["python3.12", "python3.13"],
        environment={"LLM_MODEL": "openai/scripted", "LLM_API_KEY": KEY, "LLM_BASE_URL": f"{URL}/v1", **LITELLM},
    ),
    "mini": Client(
        "mini-swe-agent", pip=["mini-swe-agent"], shell=True,
        environment={**OPENAI, **LITELLM, "MSWEA_CONFIGURED": "true", "MSWEA_COST_TRACKING": "ignore_errors"},
    ),
    "agents": Client(
        "OpenAI Agents", pip=["openai-agents"], environment={**OPENAI, "OPENAI_AGENTS_DISABLE_TRACING": "1"},
    ),
    "pydantic-ai": Client("Pydantic AI", pip=["pydantic-ai-slim[openai,mcp]"], environment=OPENAI),
}  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """A client's section of docs/outside-agents.md."""

    version: str
    files: dict[str, str]
    commands: list[str]

    @classmethod
    def of(cls, heading: str) -> Recipe:
        """Read the section."""
        page = (ROOT / "docs/outside-agents.md").read_text("utf-8")
        found = re.search(rf"^### {re.escape(heading)} (\S+)\n(.*?)(?=^### )", page, re.MULTILINE | re.DOTALL)
        assert found, f"docs/outside-agents.md has no section '### {heading} VERSION'"
        blocks = re.findall(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', found[2], re.MULTILINE | re.DOTALL)
        files = {title: text for _, title, text in blocks if title}
        return cls(found[1], files, [text for kind, title, text in blocks if kind == "bash" and not title])


def find_missing(names: Sequence[str]) -> list[str]:
    """Return what this machine lacks to play with these clients, each with what to type on Debian."""
    chosen = [CLIENTS[name] for name in names]
    missing = []
    if any(client.npm for client in chosen) and not _starts("npm"):
        missing.append("npm, with Node.js 20 or newer: apt-get install npm (Debian 13), or from nodejs.org")
    missing += [
        f"{tool}: apt-get install {package}"
        for tool, package in (("unshare", "util-linux"), ("ip", "iproute2"))
        if not _starts(tool)
    ]
    if not _may_isolate():
        missing.append("a network namespace: run it as root, or allow user namespaces")
    missing += [
        f"{' or '.join(client.pythons)} for {client.heading}: install uv, then: uv python install 3.12"
        for client in chosen
        if client.pip and not any(map(_starts, client.pythons))
    ]
    return missing


def _starts(program: str) -> bool:
    """Whether a program is there and runs. Those that pyenv shows on the PATH may not."""
    flag = "-V" if program in ("ip", "unshare") else "--version"
    try:
        return subprocess.run([program, flag], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _isolating() -> list[str]:
    return ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]


def _may_isolate() -> bool:
    """Whether a network namespace can be made; unknown, and true, as long as there is no program that makes one."""
    if not _starts("unshare"):
        return True
    return subprocess.run([*_isolating(), sys.executable, "-c", ""], capture_output=True, check=False).returncode == 0


def install(client: Client, version: str, folder: Path) -> Path:
    """Install a client, and return the folder of its commands."""
    if client.npm:
        found = folder / "node_modules/.bin"
        if not found.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", ".", f"{client.npm}@{version}"]
            try:
                subprocess.run(command, cwd=folder, check=True)
            except subprocess.CalledProcessError:
                shutil.rmtree(folder)
                raise
        return found
    found = folder / "bin"
    if not (folder / "installed").is_file():
        python = next(filter(_starts, client.pythons))
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        subprocess.run(
            [found / "pip", "install", "--quiet", *(f"{name}=={version}" for name in client.pip)], check=True
        )
        (folder / "installed").touch()
    return found


def write_files(client: Client, given: dict[str, str], home: Path) -> None:
    """Write a client's own settings below its home, and the files of its recipe into its working folder; those whose
    path begins with ``~/`` are added to its settings."""
    files = [(home / path, text) for path, text in client.files.items()]
    for path, text in given.items():
        files.append((home / path[2:] if path.startswith("~/") else home / WORK / path, text))
    for file, text in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text((file.read_text() if file.is_file() else "") + text)


def play(name: str, folder: Path) -> int:
    """Let one client play an episode; called in a network namespace of its own. Returns 0 if it was scored."""
    client = CLIENTS[name]
    recipe = Recipe.of(client.heading)
    commands = install(client, recipe.version, folder / "installed" / name)
    home, run, small = folder / "homes" / name, folder / "runs" / name, folder / "small"
    for old in (home, run):
        shutil.rmtree(old, ignore_errors=True)
    work = home / WORK
    work.mkdir(parents=True)
    task = {"chemistry/mol_und": str(small / "approve")}
    extra = ["--model", str(small / "tiny"), "--out", str(run)]

    def fill(text: str) -> str:
        text = text.replace("/home/me/.cache/ftdojo", os.environ["FTDOJO_HOME"])
        for written, used in task.items():
            quoted = ", ".join(f'"{word}"' for word in (used, *extra))
            text = text.replace(f'"{written}"', quoted).replace(written, " ".join((used, *extra)))
        return text

    write_files(client, {path: fill(text) for path, text in recipe.files.items()}, home)
    path = f"{commands}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "FTDOJO_HOME": os.environ["FTDOJO_HOME"]}
    environment |= {"OMP_NUM_THREADS": "1", **client.environment}
    begun = time.monotonic()
    with (
        ScriptedModel(Script(STEPS, as_command if client.shell else None), PORT) as model,
        (home / "out.log").open("wb") as log,
    ):
        for command in recipe.commands:
            with subprocess.Popen(
                ["bash", "-ec", fill(command)], cwd=work, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT,
            ) as process:  # fmt: skip
                process.wait(LIMIT_S)
    report(name, recipe.version, model, run, time.monotonic() - begun)
    deadline = time.monotonic() + 120  # the test may be scored after the client has ended
    while not (run / "result.json").is_file() and time.monotonic() < deadline:
        time.sleep(0.5)
    scored = (run / "result.json").is_file() and json.loads((run / "result.json").read_text())["outcome"] == "scored"
    if not scored:
        print(f"{name}: no score; see {home / 'out.log'} and {run}", flush=True)
        print((home / "out.log").read_text(errors="replace")[-2000:], flush=True)
    return 0 if scored else 1


def report(name: str, version: str, model: ScriptedModel, run: Path, seconds: float) -> None:
    """Print the figures of an episode."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(run.parents[1] / "small/whole-tokenizer.json"))

    def count(text: str) -> int:
        return len(tokenizer.encode(text).ids)

    last = max((seen.talk for seen in model.requests), key=lambda talk: len(talk.results), default=None)
    answers = [text for name, text in last.results if "dojo_" in name] if last else []
    definitions = {name: tool for name, tool in (last.tools if last else {}).items() if "dojo_" in name}
    figures = {
        "client": name, "version": version, "requests": len(model.requests), "calls": len(answers),
        "definition tokens": count(json.dumps(definitions)) if definitions else 0,
        "answer tokens": sum(map(count, answers)), "longest answer": max(map(len, answers), default=0),
        "seconds": round(seconds),
    }  # fmt: skip
    print(json.dumps(figures), flush=True)


def prepare(folder: Path) -> None:
    """Make the small task and model, and a copy of the embedded model's tokenizer, with which tokens are counted."""
    small = folder / "small"
    if (small / "whole-tokenizer.json").is_file():
        return
    import tiny
    from ftdojo import models
    from ftdojo.record import Home

    embedded = models.resolve("smollm2-135m", Home.default().root)
    tiny.make_task(small / "approve")
    tiny.make_model(embedded, small / "tiny")
    shutil.copy(embedded / "tokenizer.json", small / "whole-tokenizer.json")


def main() -> None:
    """Install and play: see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clients", nargs="*", metavar="CLIENT", help=f"of {', '.join(CLIENTS)}; all if left out")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "runs/clients", help="where everything is installed and kept"
    )
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    folder = given.folder.absolute()
    names = given.clients or list(CLIENTS)
    if unknown := set(names) - CLIENTS.keys():
        parser.error(f"no client {', '.join(sorted(unknown))}; there are {', '.join(CLIENTS)}")
    if given.inside:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        sys.exit(play(names[0], folder))
    if missing := find_missing(names):
        sys.exit("\n".join(["nothing was fetched yet; this machine lacks", *(f"  {one}" for one in missing)]))
    os.environ.setdefault("FTDOJO_HOME", str(folder / "ftdojo-home"))
    prepare(folder)
    failed = []
    for name in names:
        client = CLIENTS[name]
        inside = [sys.executable, __file__, "--inside", "--folder", str(folder), name]
        try:
            install(client, Recipe.of(client.heading).version, folder / "installed" / name)
            subprocess.run([*_isolating(), *inside], check=True)
        except subprocess.CalledProcessError as error:
            print(f"{name}: {error}", flush=True)
            failed.append(name)
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
