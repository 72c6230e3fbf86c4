"""Folders by strangers: runs, suites, tasks, models and mirrors that were prepared to harm whoever opens them.

A folder of the corpus with ``stranger.py`` holds ``prepare(place, secret)``, which spoils a copy of something honest
below ``place``: a finished ``run`` with its ``home``, a ``suite``, a ``task``, a ``model``, a ``mirror``. Its
``expect.toml`` has the ``commands`` that a user gives then, each with its exit ``status``, and what the last one
``says``; ``stranger`` names another attack that has the same program. Nothing outside may change or be shown, and
nothing that a terminal obeys may be printed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import runpy
import secrets
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from attacks.test_attacks import CORPUS, EXPECTED
from ftdojo.cli.main import run_command as main
from ftdojo.tasks import bounded_template

SUITE = CORPUS.parent / "fixtures/1e8ec7a"
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
DEADLINE_S = 120
SET = "org/published"


def strangers(*, good: bool) -> list[str]:
    return [n for n in EXPECTED if script(n).is_file() and n.startswith("good_") == good]


def script(name: str) -> Path:
    """The stranger's program: of this attack, or of the one that it names."""
    return CORPUS / str(EXPECTED[name].get("stranger", name)) / "stranger.py"


@pytest.fixture
def place(
    request: pytest.FixtureRequest, tmp_path: Path, tiny_model: Path, approve: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder with copies of what the attack spoils."""
    place = tmp_path / "place"
    place.mkdir()
    needed = EXPECTED[request.node.callspec.params["name"]]["needs"]
    if "run" in needed:
        shutil.copytree(request.getfixturevalue("finished_run"), place, dirs_exist_ok=True)
    if "suite" in needed:
        shutil.copytree(SUITE / "contest", place / "suite")
        shutil.copytree(SUITE / "approve", place / "approve")
        monkeypatch.chdir(place)  # its task was named relative to the folder in which it was run
    if "model" in needed:
        shutil.copytree(tiny_model, place / "model")
    shutil.copytree(approve, place / "task")
    (place / f"mirror/{SET}").mkdir(parents=True)
    monkeypatch.setenv("FTDOJO_HOME", str(place / "home"))
    monkeypatch.setattr(bounded_template, "DEADLINE_S", 3.0)  # for templates that would take for ever
    return place


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A private folder of the user: a file that is to be read, one that is to be overwritten, a likely submission."""
    folder = tmp_path / "secret"
    folder.mkdir()
    canary = secrets.token_hex(16)
    (folder / "key").write_text(canary)
    (folder / "rows.jsonl").write_text(json.dumps({"request": canary, "verdict": "yes"}) + "\n")
    for name in ("recipe.yaml", "train.yaml", "process_data.py"):
        (folder / name).write_text(f"# {canary}\n")
    return folder


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(p): (p.read_bytes(), p.stat().st_mtime_ns) for p in sorted(folder.rglob("*")) if p.is_file()}


@contextlib.contextmanager
def deadline() -> Iterator[None]:
    def late(_: int, __: FrameType | None) -> None:
        raise AssertionError(f"not ended after {DEADLINE_S} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(DEADLINE_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def enter(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Give a command; its exit status, and all that it printed. Any other exception is a traceback."""
    monkeypatch.setattr(sys, "argv", ["ftdojo", *arguments])
    with deadline(), pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out + printed.err


def attempt(
    name: str, place: Path, secret: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """Let the stranger prepare, and give the user's commands; what they printed."""
    expected = EXPECTED[name]
    facts = {"PLACE": str(place), "SECRET": str(secret), "LINK": noted_link(place)}
    changed = runpy.run_path(str(script(name)))["prepare"](place, secret) or {}
    for variable, value in changed.items():
        monkeypatch.setenv(variable, value)
    everything = ""
    for command, status in zip(expected["commands"], expected["status"], strict=True):
        words = [re.sub(r"@([A-Z]+)@", lambda match: facts[match[1]], word) for word in command]
        ended, printed = enter(words, monkeypatch, capsys)
        assert ended == status, printed
        everything += printed
    assert ACTING.findall(everything) == []
    return everything


def noted_link(place: Path) -> str:
    """The link that the owner of a run noted when it ended."""
    result = place / "run/result.json"
    return str(json.loads(result.read_text())["ledger"]) if result.is_file() else ""


def quotes(place: Path, text: str) -> list[Path]:
    """The files below ``place`` that hold ``text`` themselves, not through a link."""
    found = []
    for folder, _, names in os.walk(place):
        paths = [Path(folder, name) for name in names]
        found += [p for p in paths if not p.is_symlink() and p.is_file() and text.encode() in p.read_bytes()]
    return found


@pytest.mark.parametrize("name", strangers(good=False))
def test_a_strangers_folder_does_no_harm(
    name: str, place: Path, secret: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = state(secret)
    printed = attempt(name, place, secret, monkeypatch, capsys)
    assert state(secret) == before
    canary = (secret / "key").read_text()
    assert canary not in printed
    assert quotes(place, canary) == []
    assert re.search(EXPECTED[name]["says"], " ".join(printed.split())), printed


@pytest.mark.parametrize("name", strangers(good=True))
def test_an_honest_folder_is_opened(
    name: str, place: Path, secret: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = attempt(name, place, secret, monkeypatch, capsys)
    assert re.search(EXPECTED[name].get("says", ""), " ".join(printed.split())), printed


def test_each_stranger_has_an_honest_twin_of_the_same_kind() -> None:
    names = strangers(good=False)
    assert len(names) >= 30
    assert {EXPECTED[name]["twin"] for name in names} == set(strangers(good=True))
