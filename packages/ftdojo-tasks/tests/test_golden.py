"""What every task makes is what its golden file says, so a task that changes gets another version."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from ftdojo.contract.task_spec import Record
from ftdojo.tasks.external import CodeRunner
from ftdojo.tasks.rows import read_jsonl, write_jsonl
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks import golden
from ftdojo_tasks.biology import pqa
from ftdojo_tasks.golden.__main__ import FAMILIES, bound
from ftdojo_tasks.golden.file import update
from ftdojo_tasks.golden.measure import measure

TASKS = {task.spec.id: task for family in FAMILIES for task in import_module(f"ftdojo_tasks.{family}").tasks()}


def table(name: str) -> golden.Golden:
    return golden.read(f"ftdojo_tasks.{name.partition('/')[0]}")[name]


@pytest.mark.parametrize("name", TASKS)
def test_a_task_makes_what_its_golden_file_says(name: str, twins: Callable[[str], Path], runner: CodeRunner) -> None:
    known, made = table(name), measure(bound(TASKS[name], runner), twins(name))
    fix = "if the change is meant: python -m ftdojo_tasks.golden --write"
    for part in ("specification", "twin", "prompts", "scores"):
        assert getattr(made, part) == getattr(known, part), fix


@pytest.mark.parametrize("name", TASKS)
def test_its_version_is_that_of_the_file(name: str) -> None:
    assert TASKS[name].version == table(name).version
    assert len({task.version for task in TASKS.values()}) == len(TASKS)
    assert table(name).hub, "run the tests of the published data with FTDOJO_WRITE_GOLDEN=1"


def test_every_change_gives_another_version(twins: Callable[[str], Path], tmp_path: Path) -> None:
    task, twin = TASKS["biology/pqa"], twins("biology/pqa")
    before = measure(task, twin)
    other_data = tmp_path / "data"
    items = list(read_jsonl(twin / "test.jsonl"))
    for path in (path for path in twin.rglob("*") if path.is_file()):
        copy = other_data / path.relative_to(twin)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    write_jsonl(other_data / "test.jsonl", items[::-1])

    class Generous(pqa.PqaScorer):
        def score(self, items: Sequence[Record], outputs: Sequence[str]) -> list[ItemScore]:
            return [replace(score, score=1.0) for score in super().score(items, outputs)]

    changed = {
        "specification": measure(replace(task, spec=replace(task.spec, objective="another")), twin),
        "prompts": measure(replace(task, prompt=lambda item: [{"role": "user", "content": item["id"]}]), twin),
        "scores": measure(replace(task, scorer=Generous()), twin),
        "twin": measure(task, other_data),
    }
    for part, after in changed.items():
        assert getattr(after, part) != getattr(before, part)
        assert after.version != before.version


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package without a golden file, and one task of it."""
    (tmp_path / "strange_family").mkdir()
    (tmp_path / "strange_family/__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "strange_family", raising=False)  # that of an earlier test, whose folder is gone
    return "strange_family"


def test_a_task_without_a_table_is_unmeasured(family: str) -> None:
    (task,) = golden.versioned(family, [TASKS["biology/pqa"]])
    assert (task.version, task.formerly) == (golden.MISSING, ())


def test_earlier_versions_last_as_long_as_the_content(family: str) -> None:
    measured = {"specification": "a", "twin": {"test.jsonl": "b"}, "prompts": "c", "scores": "d", "formerly": ("7",)}
    first = update(family, "biology/pqa", **measured)
    assert golden.read(family) == {"biology/pqa": first}
    assert update(family, "biology/pqa", scores="d").formerly == ("7",)
    (task,) = golden.versioned(family, [TASKS["biology/pqa"]])
    assert (task.version, task.formerly) == (first.version, ("7",))
    assert task.as_recorded("7").version == "7"
    assert task.as_recorded("6") is task
    second = update(family, "biology/pqa", scores="e")
    assert second.formerly == ()
    assert second.version != first.version
    assert golden.read(family) == {"biology/pqa": second}


def test_the_files_are_part_of_the_package() -> None:
    for family in FAMILIES:
        package = import_module(f"ftdojo_tasks.{family}")
        assert (Path(str(package.__file__)).parent / golden.FILE).is_file()
