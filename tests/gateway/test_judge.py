"""Pairs that are built to hurt a scorer are told to be unscorable; the next ones are scored."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ftdojo import tasks
from ftdojo.errors import InfrastructureError
from ftdojo.gateway import Judge, judge

GOOD = {"request": "Form 1: Ann asks for tea.", "verdict": "yes"}


@pytest.fixture(scope="module")
def scorer(approve: Path) -> Iterator[Judge]:
    with Judge(str(approve), "folder") as found:
        yield found


def test_verdicts_are_those_of_the_task(scorer: Judge) -> None:
    assert scorer([GOOD, GOOD, GOOD], ["Yes", "no", ""]) == [
        {"score": 1.0, "parsed": True, "error": None},
        {"score": 0.0, "parsed": True, "error": "wrong"},
        {"score": 0.0, "parsed": False, "error": "empty"},
    ]


def test_one_bad_item_does_not_spoil_the_others(scorer: Judge) -> None:
    verdicts = scorer([GOOD, {}, GOOD], ["yes", "yes", "yes"])
    assert [v["error"] for v in (verdicts[0], verdicts[2])] == [None, None]
    assert verdicts[1]["error"].startswith("unscorable: ")


def test_a_process_that_dies_is_started_again(scorer: Judge) -> None:
    scorer([GOOD], ["yes"])
    process = scorer._process
    assert process is not None
    process.kill()
    assert scorer([GOOD], ["yes"])[0]["error"].startswith("unscorable: ")
    assert scorer([GOOD], ["yes"])[0]["error"] is None


def test_files_in_the_current_folder_are_not_imported(
    approve: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "datasets", "ftdojo"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    with Judge(str(approve), "folder") as own:
        assert own([GOOD], ["yes"])[0]["error"] is None


@pytest.fixture
def endless(approve: Path, tmp_path: Path) -> str:
    """A task whose scorer never ends over the output ``loop``."""
    folder = tmp_path / "own"
    folder.mkdir()
    for name in ("train.jsonl", "eval.jsonl"):
        (folder / name).write_bytes((approve / name).read_bytes())
    text = (approve / "task.toml").read_text().replace('scorer = "exact"', 'scorer = "scorer.py"')
    (folder / "task.toml").write_text(text)
    (folder / "scorer.py").write_text("""
def score(item, output):
    while output == "loop":
        pass
    return float(output == item["verdict"])
""")
    return str(folder)


def test_a_scorer_that_never_ends_is_ended(endless: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Judge(endless, "folder") as own:
        assert own([GOOD], ["yes"])[0]["error"] is None
        monkeypatch.setattr(judge, "WALL_S", 1.0)
        assert own([GOOD], ["loop"])[0]["error"].startswith("unscorable: ")
        monkeypatch.setattr(judge, "WALL_S", 60.0)
        assert own([GOOD], ["no"])[0]["error"] == "wrong"


def test_nobody_waits_for_a_scorer_at_the_end(endless: str) -> None:
    told: list[Any] = []
    with Judge(endless, "folder") as own:
        assert own([GOOD], ["yes"])[0]["error"] is None
        threads = [threading.Thread(target=lambda: told.extend(own([GOOD], ["loop"]))) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        begun = time.monotonic()
    assert time.monotonic() - begun < judge.WALL_S / 2
    for thread in threads:
        thread.join(10)
    assert [verdict["score"] for verdict in told] == [0.0] * 3


def test_a_task_that_cannot_be_loaded_is_an_error_of_the_machine(tmp_path: Path) -> None:
    with Judge(str(tmp_path / "gone"), "folder") as gone, pytest.raises(InfrastructureError, match="gone"):
        gone([GOOD], ["yes"])


DEEP: Any = "x"
for _ in range(120):
    DEEP = [DEEP]
NUMBER = "9" * 5000
WEIRD: list[Any] = [
    None,
    3,
    -1.5,
    float("inf"),
    True,
    "",
    "\x00",
    NUMBER,
    "9**9**9",
    "{{ x }}",
    [],
    {},
    DEEP,
    {"a": DEEP},
]


@pytest.mark.parametrize("name", tasks.ids())
def test_no_item_of_wrong_types_breaks_a_scorer(name: str) -> None:
    """Every field of an item that its scorer knows, with every weird value."""
    task = tasks.get(name)
    fields = ("id", "gt", "query", "answer", "task", "subtask", "meta", "question", "label", "gold", "output", "claims")
    items = [dict.fromkeys(fields, value) for value in WEIRD]
    items += [{"id": "a", "subtask": (task.spec.subtasks or ("",))[0], "gt": value, "answer": value} for value in WEIRD]
    outputs = ['\\boxed{9^{9^{9}}} <answer>A</answer> {"output": 1}'] * len(items)
    verdicts = judge._verdicts(task.scorer, [{"id": "0", **item} for item in items], outputs)
    assert len(verdicts) == len(items)
    assert all(v["error"] is None or isinstance(v["error"], str) for v in verdicts)
