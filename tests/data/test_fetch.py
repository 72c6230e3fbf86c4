"""Published data sets: mirrors, fetched copies, downloads that fail or are refused. The hub is a function here."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from ftdojo import tasks
from ftdojo.data import fetch, locate, prepare, read_items
from ftdojo.errors import InfrastructureError, PrerequisiteError
from ftdojo.record import Home
from ftdojo.tasks.spec import HubSet, Sources, Task, Variant

ROWS = HubSet(id="org/rows", revision="v1", licence="MIT")
CONTENT = {"train.jsonl": b'{"request": "r", "verdict": "v"}\n' * 10, "deep/er/table.csv": b"a,b\n1,2\n"}

TAKES_TURNS = """
import sys, time
from pathlib import Path
from ftdojo.data import fetch
from ftdojo.record import Home
from ftdojo.tasks.spec import HubSet
def download(hub_set, folder, progress):
    (folder / "part").write_text("half")
    print("downloading", flush=True)
    time.sleep(float(sys.argv[2]))
    (folder / "whole").write_text("whole")
    return "c0ffee"
rows = HubSet(id="org/rows", revision="v1", licence="MIT")
print(fetch(rows, Home(Path(sys.argv[1])), lambda done, total: None, download), flush=True)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("FTDOJO_DATA", raising=False)
    return Home(tmp_path / "home")


def write(folder: Path) -> None:
    for name, content in CONTENT.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def download(hub_set: HubSet, folder: Path, progress: Callable[[float, float], None]) -> str:
    assert not list(folder.iterdir())
    write(folder)
    progress(1, 2)
    return "c0ffee"


def unreachable(hub_set: HubSet, folder: Path, progress: Callable[[float, float], None]) -> str:
    raise AssertionError("nothing is to be downloaded")


def quiet(done: float, total: float) -> None:
    """Ignore progress."""


def process(home: Home, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", TAKES_TURNS, str(home.root), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_set_is_fetched_once_with_a_manifest(home: Home) -> None:
    told: list[tuple[float, float]] = []
    folder = fetch(ROWS, home, lambda done, total: told.append((done, total)), download)
    assert {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == CONTENT
    assert told == [(1, 2)]
    manifest = json.loads((folder.parent / "manifest.json").read_text())
    assert manifest["key"] == {"id": "org/rows", "revision": "v1"}
    assert manifest["facts"]["commit"] == "c0ffee"
    assert manifest["facts"]["fetched"].endswith("+00:00")
    assert manifest["facts"]["files"] == {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()} for name, content in CONTENT.items()
    }
    assert fetch(ROWS, home, quiet, unreachable) == folder
    assert locate([ROWS], home) == {"org/rows": folder}


def test_revisions_do_not_mix(home: Home) -> None:
    fetch(ROWS, home, quiet, download)
    with pytest.raises(PrerequisiteError, match="not on this machine"):
        locate([replace(ROWS, revision="v2")], home)


def test_what_is_missing_is_named_with_the_command_that_gets_it(home: Home) -> None:
    other = replace(ROWS, id="org/other")
    fetch(ROWS, home, quiet, download)
    with pytest.raises(PrerequisiteError, match="org/other is not on this machine") as caught:
        locate([ROWS, other], home)
    assert "org/rows" not in caught.value.message
    assert "`ftdojo data prepare TASK --variant hub`" in caught.value.fix
    assert "FTDOJO_DATA" in caught.value.fix


def test_a_download_that_breaks_off_leaves_nothing_and_the_next_one_works(home: Home) -> None:
    def breaks(hub_set: HubSet, folder: Path, progress: Callable[[float, float], None]) -> str:
        (folder / "train.jsonl").write_bytes(b"half")
        raise RuntimeError("reset by peer at https://cdn.example/?Signature=SECRET")

    with pytest.raises(InfrastructureError, match=r"org/rows could not be fetched \(RuntimeError\)") as caught:
        fetch(ROWS, home, quiet, breaks)
    assert "SECRET" not in str(caught.value)
    assert "same command" in caught.value.fix
    with pytest.raises(PrerequisiteError):
        locate([ROWS], home)
    assert [p for p in home.sets.rglob("*") if p.is_file() and p.suffix != ".lock"] == []
    assert (fetch(ROWS, home, quiet, download) / "train.jsonl").read_bytes() == CONTENT["train.jsonl"]


def test_a_killed_download_leaves_nothing_to_believe(home: Home) -> None:
    killed = process(home, 60)
    assert killed.stdout is not None
    killed.stdout.readline()
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert list(home.sets.rglob("part"))
    with pytest.raises(PrerequisiteError):
        locate([ROWS], home)
    folder = fetch(ROWS, home, quiet, download)
    assert list(home.sets.rglob("part")) == []
    assert locate([ROWS], home) == {"org/rows": folder}


def test_two_processes_download_once(home: Home) -> None:
    one = process(home, 1.0)
    assert one.stdout is not None
    assert one.stdout.readline() == "downloading\n"
    two = process(home, 0.0)
    assert two.communicate()[0] == one.communicate()[0]


def test_a_truncated_file_is_told_and_fetched_again(home: Home) -> None:
    folder = fetch(ROWS, home, quiet, download)
    os.truncate(folder / "train.jsonl", 7)
    (folder / "deep/er/table.csv").unlink()
    with pytest.raises(PrerequisiteError, match=r"train\.jsonl has 7 bytes instead of 330") as caught:
        locate([ROWS], home)
    assert "table.csv is missing" in caught.value.message
    fetch(ROWS, home, quiet, download)
    assert (locate([ROWS], home)["org/rows"] / "train.jsonl").read_bytes() == CONTENT["train.jsonl"]


def test_a_changed_file_of_the_same_size_is_fetched_again(home: Home) -> None:
    folder = fetch(ROWS, home, quiet, download)
    (folder / "train.jsonl").write_bytes(b"x" * 330)
    assert (fetch(ROWS, home, quiet, download) / "train.jsonl").read_bytes() == CONTENT["train.jsonl"]


@pytest.mark.parametrize(
    ("error", "status", "message", "fix"),
    [
        (GatedRepoError, 403, "org/rows is gated", "ask the authors"),
        (RepositoryNotFoundError, 401, "does not show it without a token", "ask the authors"),
        (RevisionNotFoundError, 404, "no revision v1 of the data set org/rows", "FTDOJO_DATA"),
        (HfHubHTTPError, 401, "HTTP status 401", "ask the authors"),
    ],
)
def test_refusals_say_what_the_user_can_do(
    home: Home, error: type[HfHubHTTPError], status: int, message: str, fix: str
) -> None:
    def refused(hub_set: HubSet, folder: Path, progress: Callable[[float, float], None]) -> str:
        import httpx2

        answer = httpx2.Response(status, request=httpx2.Request("GET", "https://example.org"))
        raise error("hf_token", response=answer)

    with pytest.raises(PrerequisiteError, match=message) as caught:
        fetch(replace(ROWS, access="ask the authors"), home, quiet, refused)
    assert fix in caught.value.fix
    assert "hf_token" not in str(caught.value)


def test_a_full_disk_is_told_as_such(home: Home) -> None:
    def full(hub_set: HubSet, folder: Path, progress: Callable[[float, float], None]) -> str:
        raise OSError(28, os.strerror(28))

    with pytest.raises(InfrastructureError, match="no space left"):
        fetch(ROWS, home, quiet, full)


def build(folder: Path, sources: Sources) -> None:
    """Build like task families: a link to the published file, and own items."""
    (folder / "raw").mkdir()
    os.link(sources["org/rows"] / "train.jsonl", folder / "raw/train.jsonl")
    for name in ("validation", "test"):
        (folder / f"{name}.jsonl").write_text(json.dumps({"id": name, "request": name, "verdict": "yes"}) + "\n")


@pytest.fixture
def task(approve: Path) -> Task:
    return replace(tasks.get(approve), variants={"hub": Variant(build=build, sets=(ROWS,))})


def test_prepared_data_rests_on_what_was_fetched(home: Home, task: Task) -> None:
    with pytest.raises(PrerequisiteError) as caught:
        prepare(task, "hub", home)
    assert "`ftdojo data prepare own/approve --variant hub`" in caught.value.fix
    folder = fetch(ROWS, home, quiet, download)
    data = prepare(task, "hub", home)
    assert (data.raw / "train.jsonl").samefile(folder / "train.jsonl")
    assert len(read_items(data.validation)) == 1
    assert prepare(task, "hub", home).raw == data.raw

    def other(hub_set: HubSet, folder: Path, progress: Callable[[float, float], None]) -> str:
        (folder / "train.jsonl").write_text("{}\n")
        return "decaf"

    os.truncate(folder / "train.jsonl", 0)
    fetch(ROWS, home, quiet, other)
    assert (prepare(task, "hub", home).raw / "train.jsonl").read_text() == "{}\n"


def test_a_mirror_is_used_in_place_and_left_as_it_is(
    home: Home, task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = tmp_path / "mirror/org/rows"
    write(mirror)
    (mirror / "train.jsonl").chmod(0o600)
    monkeypatch.setenv("FTDOJO_DATA", str(tmp_path / "mirror"))
    assert fetch(ROWS, home, quiet, unreachable) == mirror
    assert locate([ROWS], home) == {"org/rows": mirror}

    data = prepare(task, "hub", home)
    assert (data.raw / "train.jsonl").stat().st_mode & 0o777 == 0o644, "a sandbox can read it"
    assert (mirror / "train.jsonl").stat().st_mode & 0o777 == 0o600
    (mirror / "train.jsonl").write_text("{}\n")
    changed = prepare(task, "hub", home)
    assert (changed.raw / "train.jsonl").read_text() == "{}\n"
    assert changed.digests["raw"] != data.digests["raw"]
    assert {p.name for p in mirror.iterdir()} == {"train.jsonl", "deep"}


def test_a_set_that_the_mirror_lacks_is_fetched(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTDOJO_DATA", str(tmp_path))
    folder = fetch(ROWS, home, quiet, download)
    assert locate([ROWS], home) == {"org/rows": folder}
    monkeypatch.setenv("FTDOJO_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(PrerequisiteError, match="which is no folder"):
        locate([ROWS], home)
