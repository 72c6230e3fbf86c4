"""Faults of the machine, injected for real: full and read-only disks, clocks that jump, files that were cut."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.errors import FtdojoError, InfrastructureError
from ftdojo.record import Ledger, Store
from ftdojo.record.history import History
from ftdojo.record.run_folder import LEDGER
from ftdojo.record.store import MANIFEST
from machine import let_clock_jump, mount, needs_mount, read_only, with_disk


def append_until_full(folder: Path) -> tuple[int, InfrastructureError]:
    """Append events until one cannot be written; return how many were acknowledged, and the error."""
    acknowledged = 0
    with Ledger(folder) as opened:
        while True:
            try:
                opened.append("n", {"text": "x" * 4000})
            except InfrastructureError as error:
                return acknowledged, error
            acknowledged += 1


@needs_mount
def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    def work() -> None:
        acknowledged, error = append_until_full(tmp_path)
        assert "same command" in error.fix
        store = Store(tmp_path / "store")
        with pytest.raises(InfrastructureError, match="no space left"):
            store.make("k", {}, lambda folder: {"bytes": (folder / "part").write_bytes(bytes(2**20))})
        assert store.find("k", {}) is None
        mount("-o", "remount,size=64m", str(tmp_path))
        with Ledger(tmp_path) as opened:
            assert len(opened.events()) == acknowledged > 10
            assert opened.find_broken() is None
            opened.append("n", {})
        assert store.make("k", {}, lambda folder: {"n": 1}).facts == {"n": 1}

    with_disk(tmp_path, "size=512k", work)


@needs_mount
def test_a_read_only_disk_is_told_and_can_be_read(tmp_path: Path) -> None:
    def work() -> None:
        store = Store(tmp_path / "store")
        with Ledger(tmp_path) as opened:
            opened.append("n", {})
        store.make("k", {}, lambda folder: {"n": 1})
        with read_only(tmp_path):
            for act in (lambda: Ledger(tmp_path), lambda: store.make("k", {"other": 1}, lambda folder: {})):
                with pytest.raises(InfrastructureError, match="Read-only") as told:
                    act()
                assert "--out" in told.value.fix
            with Ledger(tmp_path, writable=False) as opened:
                assert len(opened.events()) == 1
                assert opened.find_broken() is None
            assert store.make("k", {}, lambda folder: {}).facts == {"n": 1}

    with_disk(tmp_path, "size=1m", work)


LIMITED = """
import resource, sys
from pathlib import Path
from ftdojo.errors import InfrastructureError
from ftdojo.record import Ledger, Store
folder = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (2**17, resource.RLIM_INFINITY))
acknowledged = 0
with Ledger(folder) as ledger:
    try:
        while True:
            ledger.append("n", {"text": "x" * 4000})
            acknowledged += 1
    except InfrastructureError as error:
        print("ledger")
try:
    Store(folder).make("k", {}, lambda f: (f / "part").write_bytes(bytes(2**18)) and {})
except InfrastructureError as error:
    print("ulimit" in error.fix)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
with Ledger(folder) as ledger:
    print(len(ledger.events()) == acknowledged > 5, ledger.find_broken())
"""


def test_a_limit_of_file_sizes_is_told_as_such(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["ledger", "True", "True None"]


def test_a_clock_that_jumps_changes_no_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let_clock_jump(monkeypatch, 0, -1000, 5, 24 * 365 * 50, 1)
    for number in range(5):
        with Ledger(tmp_path) as opened:
            opened.append("n", {"n": number})
    with Ledger(tmp_path, writable=False) as opened:
        assert [e.payload["n"] for e in opened.events()] == [0, 1, 2, 3, 4]
        assert opened.events()[1].time < opened.events()[0].time
        assert opened.find_broken() is None


BEGIN = """
import sys, time
from pathlib import Path
from ftdojo.errors import UsageError
from ftdojo.record import Ledger
sys.stdin.readline()
try:
    with Ledger(Path(sys.argv[1])) as ledger:
        ledger.append("n", {})
        print("in", flush=True)
        time.sleep(3)
except UsageError as error:
    print("out", "another process" in error.message, flush=True)
"""


def test_of_runs_that_begin_at_once_in_one_folder_one_goes_on(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    begun = [
        subprocess.Popen([sys.executable, "-c", BEGIN, tmp_path], stdin=pipe, stdout=pipe, text=True) for _ in range(3)
    ]
    for process in begun:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert sorted(process.communicate()[0] for process in begun) == ["in\n", "out True\n", "out True\n"]
    with Ledger(tmp_path) as opened:
        assert len(opened.events()) == 1


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as ``kill -9`` leaves it: the last events are in the write-ahead log alone."""
    folder = tmp_path_factory.mktemp("killed")
    code = (
        "import os, sys; from pathlib import Path; from ftdojo.record import Ledger\n"
        "ledger = Ledger(Path(sys.argv[1]))\n"
        "for n in range(20): ledger.append('n', {'n': n, 'text': 'x' * 500})\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, folder], check=False)
    assert (folder / f"{LEDGER}-wal").stat().st_size > 0
    return folder


@given(cut=st.integers(0, 2**15), which=st.sampled_from(["", "-wal"]))
def test_a_ledger_that_was_cut_gives_its_beginning_or_a_plain_error(killed: Path, cut: int, which: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in killed.glob(f"{LEDGER}*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, folder)
        path = folder / f"{LEDGER}{which}"
        os.truncate(path, min(cut, path.stat().st_size))
        try:
            with Ledger(folder) as opened:
                kept = [event.payload["n"] for event in opened.events()]
                assert opened.find_broken() is None
                opened.append("n", {"n": -1})
        except FtdojoError:
            return
        assert kept == list(range(len(kept)))


@given(
    kind=st.sampled_from(["configuration", "baseline", "iteration", "probe", "llm_call", "stopped", "finished", "x"]),
    payload=st.one_of(
        st.text(max_size=20),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["charge", "iteration", "probe", "call", "wall_s"]), inner, max_size=3
                )
            ),
            max_leaves=8,
        ).map(json.dumps),
    ),
)
def test_a_row_that_somebody_wrote_by_hand_is_read_or_refused_plainly(kind: str, payload: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        Ledger(Path(name)).close()
        database = sqlite3.connect(Path(name, LEDGER))
        with database:
            values = ("2026-01-01", kind, payload.encode("utf-8", "replace").decode(), "")
            database.execute("INSERT INTO event (time, kind, payload, link) VALUES (?, ?, ?, ?)", values)
        database.close()
        with Ledger(Path(name), writable=False) as opened:
            assert opened.find_broken() == 1
            history = History(opened)
            with contextlib.suppress(InfrastructureError):
                assert history.iterations == []


def cut_files(stage: Path) -> Iterator[tuple[str, int]]:
    """Names, and sizes below those of the files as they are then: a stage that is made again notes another time."""
    for name in sorted(p.relative_to(stage).as_posix() for p in stage.rglob("*") if p.is_file()):
        yield name, 0
        yield name, 1
        yield name, (stage / name).stat().st_size // 2
        yield name, (stage / name).stat().st_size - 1


def test_a_stage_of_which_any_file_was_cut_is_made_again(tmp_path: Path) -> None:
    def build(folder: Path) -> dict[str, int]:
        (folder / "rows.jsonl").write_text('{"a": 1}\n' * 50)
        (folder / "deep").mkdir()
        (folder / "deep/weights").write_bytes(os.urandom(5000))
        return {"rows": 50}

    first = Store(tmp_path).make("rows", {}, build)
    for name, size in cut_files(first.path):
        os.truncate(first.path / name, size)
        again = Store(tmp_path).make("rows", {}, build)
        assert not again.reused, (name, size)
        found = Store(tmp_path).find("rows", {})
        assert found is not None


@given(
    st.binary(max_size=40)
    | st.recursive(
        st.none() | st.floats() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["seconds", "facts", "files", "size", "digest", "a"]), inner, max_size=4)
        ),
        max_leaves=10,
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_manifest_is_believed_or_not(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        stage = Store(Path(name)).make("rows", {}, lambda folder: {})
        (stage.path / MANIFEST).write_bytes(content)
        Store(Path(name)).find("rows", {})
        assert Store(Path(name)).make("rows", {}, lambda folder: {"n": 2}).path == stage.path
