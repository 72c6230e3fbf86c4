"""The store: made once, complete or absent, whatever happens to the maker."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ftdojo.errors import InfrastructureError
from ftdojo.record import Store
from ftdojo.record.store import JOURNAL, faults

MAKER = """
import sys, time
from pathlib import Path
from ftdojo.record import Store
from ftdojo.record.store import faults
def build(folder):
    (folder / "part").write_text("half")
    print("building", flush=True)
    time.sleep(float(sys.argv[2]))
    (folder / "part").write_text("whole")
    return {"by": sys.argv[3]}
stage = Store(Path(sys.argv[1])).make("kind", {"a": 1}, build)
print(stage.facts["by"], stage.reused, flush=True)
"""


def maker(root: Path, seconds: float, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", MAKER, root, str(seconds), name], stdout=subprocess.PIPE, text=True)


def test_a_stage_is_built_once(tmp_path: Path) -> None:
    store, calls = Store(tmp_path), []

    def build(folder: Path) -> dict[str, int]:
        calls.append(folder)
        (folder / "file").write_text("x")
        return {"n": 3}

    first, second = store.make("rows", {"a": 1, "b": 2}, build), store.make("rows", {"b": 2, "a": 1}, build)
    assert len(calls) == 1
    assert (first.reused, second.reused) == (False, True)
    assert (second.path, second.facts, second.seconds) == (first.path, {"n": 3}, first.seconds)
    assert (second.path / "file").read_text() == "x"
    assert store.find("rows", {"a": 2}) is None


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def build(folder: Path) -> dict[str, int]:
        (folder / "file").write_text("x")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        store.make("rows", {}, build)
    assert store.find("rows", {}) is None
    assert [p for p in (tmp_path / "rows").iterdir() if p.is_dir()] == []


def test_a_resumable_build_finds_what_was_begun_and_costs_both_parts(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def build(folder: Path) -> dict[str, int]:
        begun = (folder / JOURNAL).exists()
        (folder / JOURNAL).write_text("7")
        if not begun:
            raise ValueError("no")
        return {"n": 1}

    def spent(journal: Path) -> float:
        return float(journal.read_text()) if journal.exists() else 0.0

    with pytest.raises(ValueError, match="no"):
        store.make("rows", {}, build, resumable=spent)
    assert store.find("rows", {}) is None, "what is begun is not taken for whole"
    stage = store.make("rows", {}, build, resumable=spent)
    assert (stage.facts, stage.path.name, stage.earlier_s) == ({"n": 1}, stage.digest, 7.0)
    assert 7.0 <= stage.seconds < 8.0
    assert not (stage.path / JOURNAL).exists()
    found = store.find("rows", {})
    assert found is not None
    assert found.seconds == found.earlier_s == stage.seconds


def test_a_killed_maker_leaves_nothing_to_believe(tmp_path: Path) -> None:
    process = maker(tmp_path, 60, "first")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert Store(tmp_path).find("kind", {"a": 1}) is None
    assert list((tmp_path / "kind").glob("*.tmp-*")) or list((tmp_path / "kind").glob(".*tmp-*"))
    stage = Store(tmp_path).make("kind", {"a": 1}, lambda folder: {"by": "second"})
    assert stage.facts == {"by": "second"}
    assert not (stage.path / "part").exists()
    assert not list((tmp_path / "kind").glob(".*tmp-*")), "the dead maker's folder is cleared away"


def test_two_makers_take_turns(tmp_path: Path) -> None:
    one = maker(tmp_path, 1.0, "one")
    assert one.stdout is not None
    one.stdout.readline()
    two = maker(tmp_path, 0.0, "two")
    assert two.communicate()[0] == "one True\n"
    assert one.communicate()[0] == "one False\n"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_told_as_such(tmp_path: Path, error: Exception) -> None:
    """The second form is what safetensors raises."""

    def build(folder: Path) -> dict[str, int]:
        raise error

    with pytest.raises(InfrastructureError, match="no space left") as caught:
        Store(tmp_path).make("rows", {}, build)
    assert "same command" in caught.value.fix


def test_the_manifest_tells_what_the_stage_rests_on(tmp_path: Path) -> None:
    def build(folder: Path) -> dict[str, int]:
        time.sleep(0.01)
        return {}

    stage = Store(tmp_path).make("rows", {"seed": 3}, build)
    manifest = json.loads((stage.path / "manifest.json").read_text())
    assert manifest["key"] == {"seed": 3}
    assert manifest["seconds"] >= 0.01


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda folder: (folder / "file").write_text("y"), "file was changed after"),
        (lambda folder: (folder / "file").write_text(""), "file has 0 bytes instead of 1"),
        (lambda folder: (folder / "file").unlink(), "file is missing"),
        (lambda folder: (folder / "more.bin").touch(), "more.bin was not there"),
    ],
)
def test_a_stage_that_is_not_as_it_was_made_is_made_again(
    tmp_path: Path, damage: Callable[[Path], object], told: str
) -> None:
    def build(folder: Path) -> dict[str, int]:
        (folder / "file").write_text("x")
        return {}

    store = Store(tmp_path)
    made = store.make("rows", {}, build)
    found = store.make("rows", {}, build)
    assert (found.reused, found.content) == (True, made.content)
    damage(made.path)
    files = json.loads((made.path / "manifest.json").read_text())["files"]
    assert told in faults(made.path, files)[0]
    again = store.make("rows", {}, build)
    assert not again.reused
    assert again.content == made.content
    assert sorted(p.name for p in again.path.iterdir()) == ["file", "manifest.json"]


def test_a_stage_of_an_older_version_is_believed(tmp_path: Path) -> None:
    stage = Store(tmp_path).make("rows", {}, lambda folder: {})
    path = stage.path / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["files"]
    path.write_text(json.dumps(manifest))
    found = Store(tmp_path).find("rows", {})
    assert found is not None
    assert found.content == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_another_user_of_a_cache_is_told_to_take_one_of_their_own() -> None:
    code = (
        "import os, sys; from pathlib import Path; from ftdojo.record import Store; os.setuid(65534)\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for key in ({'a': 1}, {'a': 2}):\n"
        "    try: store.make('kind', key, lambda folder: {})\n"
        "    except Exception as error: print(type(error).__name__, error.fix)"
    )
    with tempfile.TemporaryDirectory() as folder:  # not pytest's, whose parents are closed to others
        Path(folder).chmod(0o755)
        Store(Path(folder)).make("kind", {"a": 1}, lambda folder: {"by": "root"})
        done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=False)
    told = "InfrastructureError choose another folder with --out, or another cache with FTDOJO_HOME"
    assert done.stdout.splitlines() == [told] * 2, done.stderr


@pytest.mark.parametrize("part", ["file", "folder", "manifest"])
def test_a_stage_with_a_link_is_made_again_and_nothing_is_written_through_it(tmp_path: Path, part: str) -> None:
    def build(folder: Path) -> dict[str, int]:
        (folder / "a").write_text("made")
        return {}

    stage = Store(tmp_path / "store").make("k", {}, build)
    elsewhere = tmp_path / "elsewhere"
    if part == "folder":
        stage.path.rename(elsewhere)
        stage.path.symlink_to(elsewhere)
    else:
        path = stage.path / ("a" if part == "file" else "manifest.json")
        elsewhere.write_bytes(path.read_bytes())
        path.unlink()
        path.symlink_to(elsewhere)
    store = Store(tmp_path / "store")
    assert store.find("k", {}) is None
    before = sorted(tmp_path.glob("elsewhere*"))
    again = store.make("k", {}, build)
    assert not again.reused
    assert not again.path.is_symlink()
    assert (again.path / "a").read_text() == "made"
    assert [p for p in again.path.rglob("*") if p.is_symlink()] == []
    assert sorted(tmp_path.glob("elsewhere*")) == before
