"""``ftdojo data``, against a small server that speaks the hub's protocol, and without any network."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ftdojo import tasks

TASK = "math/aime24"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SECRET = "hf_thisIsASecretOfTheUser"  # a made-up token
RAW, EXAMS = (hub_set.id for hub_set in tasks.get(TASK).variants["hub"].sets)


def exams() -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    rows = [
        {"ID": f"2024-{exam}-{i}", "Problem": f"Problem {exam} {i}", "Solution": "…", "Answer": i}
        for exam in ("I", "II")
        for i in range(1, 16)
    ]
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(rows), sink)
    return bytes(sink.getvalue())


@dataclass
class Hub:
    """A hub with these files."""

    address: str = ""
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: bool = False
    asked: list[str] = field(default_factory=list)

    def reply(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and content for a path."""
        self.asked.append(path)
        found = re.fullmatch(
            r"(?:/api)?/datasets/([^/]+/[^/]+)/(revision|tree|resolve)/([^/?]+)/?([^?]*)(?:\?.*)?", path
        )
        files = self.files.get(found[1]) if found else None
        if found is None or files is None:
            return 404, {"X-Error-Code": "RepoNotFound"}, b""
        if found[2] == "revision":
            return 200, {}, json.dumps({"id": found[1], "sha": COMMIT}).encode()
        if found[2] == "tree":
            listing = [{"type": "file", "path": name, "size": len(c), "oid": "0"} for name, c in files.items()]
            return 200, {}, json.dumps(listing).encode()
        if self.gated:
            return 403, {"X-Error-Code": "GatedRepo"}, b""
        return 200, {"X-Repo-Commit": COMMIT, "ETag": '"0"'}, files[found[4]]


@pytest.fixture
def hub() -> Iterator[Hub]:
    fake = Hub(
        files={
            RAW: {
                "deepscaler.json": json.dumps(
                    [{"problem": f"Sum {i}", "answer": str(i), "solution": "Add."} for i in range(50)]
                ).encode(),
                "README.md": b"# about",
            },
            EXAMS: {"aime_2024_problems.parquet": exams()},
        }
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, content = fake.reply(self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815 - the name that http.server asks for

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Runs the command line as a process, with a hub or without any network."""

    def command(*arguments: str, hub: Hub | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "FTDOJO_"))}
        address = hub.address if hub else "http://127.0.0.1:9"
        places = {"HF_HOME": str(tmp_path / "hf"), "HF_ENDPOINT": address, "FTDOJO_HOME": str(tmp_path / "home")}
        return subprocess.run(
            [sys.executable, "-m", "ftdojo", *arguments],
            env={**kept, **places, "HF_TOKEN": SECRET, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return command


def read(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(done: subprocess.CompletedProcess[str], status: int) -> str:
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr + done.stdout
    return " ".join(done.stderr.split())


def test_published_data_is_fetched_once_and_then_needs_no_network(run: Any, hub: Hub, tmp_path: Path) -> None:
    made = read(run("data", "prepare", TASK, "--variant", "hub", "--json", hub=hub))
    assert [s["id"] for s in made["sets"]] == [RAW, EXAMS]
    assert made["rows"] == {"deepscaler.json": 50}
    assert made["items"] == {"validation": 15, "test": 15}
    assert set(made["digests"]) == {"raw", "validation", "test"}

    folder = Path(made["sets"][1]["folder"])
    manifest = json.loads((folder.parent / "manifest.json").read_text())
    assert manifest["key"] == {"id": EXAMS, "revision": "main"}
    assert manifest["facts"]["commit"] == COMMIT
    assert list(manifest["facts"]["files"]) == [p.name for p in folder.iterdir()] == ["aime_2024_problems.parquet"]
    assert not any(SECRET.encode() in p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())

    again = read(run("data", "prepare", TASK, "--variant", "hub", "--json"))
    assert again == made
    shown = read(run("data", "show", TASK, "--variant", "hub", "--json"))
    assert [(f["path"], f["rows"]) for f in shown["files"]] == [("deepscaler.json", 50)]
    checked = json.loads(run("task", "check", TASK, "--data", "hub", "--json").stdout)
    assert checked["pairs"]["deepscaler.json: raw"] == 50


def test_a_run_without_its_data_stops_at_once_and_says_how_to_get_it(run: Any, hub: Hub, tmp_path: Path) -> None:
    told = refused(run("run", TASK, "--data", "hub", "--out", str(tmp_path / "run"), hub=hub), status=3)
    assert f"{RAW} is not on this machine" in told
    assert f"{EXAMS} is not on this machine" in told
    assert f"`ftdojo data prepare {TASK} --variant hub`" in told
    assert hub.asked == []
    assert not (tmp_path / "run").exists()


def test_a_gated_set_says_how_to_be_let_in(run: Any, hub: Hub, tmp_path: Path) -> None:
    hub.gated = True
    told = refused(run("data", "prepare", TASK, "--variant", "hub", hub=hub), status=3)
    assert f"{RAW} is gated" in told
    assert "accept the terms" in told
    assert not list((tmp_path / "home").rglob("manifest.json"))


def test_a_set_that_the_hub_does_not_have(run: Any, hub: Hub) -> None:
    del hub.files[EXAMS]
    told = refused(run("data", "prepare", TASK, "--variant", "hub", hub=hub), status=3)
    assert f"{EXAMS} was taken down, or the hub does not show it" in told
    assert "FTDOJO_DATA" in told


def test_no_network(run: Any) -> None:
    assert "could not be fetched (ConnectError)" in refused(run("data", "prepare", TASK, "--variant", "hub"), status=3)
    told = refused(run("data", "prepare", TASK, "--variant", "hub", HF_HUB_OFFLINE="1"), status=3)
    assert "unset HF_HUB_OFFLINE" in told


def test_a_mirror_is_used_in_place(run: Any, hub: Hub, tmp_path: Path) -> None:
    for name, files in hub.files.items():
        (tmp_path / "mirror" / name).mkdir(parents=True)
        for file, content in files.items():
            (tmp_path / "mirror" / name / file).write_bytes(content)
    made = read(run("data", "prepare", TASK, "--variant", "hub", "--json", FTDOJO_DATA=str(tmp_path / "mirror")))
    assert [s["folder"] for s in made["sets"]] == [str(tmp_path / "mirror" / name) for name in (RAW, EXAMS)]
    assert not (tmp_path / "home/sets").exists()
    told = refused(run("data", "show", TASK, "--variant", "hub", FTDOJO_DATA=str(tmp_path / "nowhere")), status=3)
    assert "which is no folder" in told


def test_tables_for_people(run: Any, approve: Path, tmp_path: Path) -> None:
    made = run("data", "prepare", str(approve), "--home", str(tmp_path / "other"))
    assert "80 rows in 1 file " in made.stdout
    assert "own/approve (folder) is prepared" in " ".join(made.stdout.split())
    shown = run("data", "show", str(approve), "--home", str(tmp_path / "other"))
    assert "train.jsonl  80 rows, 0 malformed" in shown.stdout
    assert "'yes': " in shown.stdout
    assert (tmp_path / "other/data").is_dir()
    assert not (tmp_path / "home").exists()
