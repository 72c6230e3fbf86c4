"""A run that recorded an earlier version of a task with the same content is resumed, audited and exported like any."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ftdojo.audit import verify
from ftdojo.audit.export import export
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.episode import Dojo
from ftdojo.errors import UsageError
from ftdojo.record import Home
from ftdojo.sandbox import generators
from ftdojo.tasks import families, get
from submissions import write_submission

pytestmark = pytest.mark.usefixtures("graded_apart")

Become = Callable[[str], None]

FAMILY = """
import os
from dataclasses import replace
from pathlib import Path
from ftdojo.tasks.folder import load_folder

def tasks():
    version, *formerly = os.environ["VERSIONS"].split()
    return [replace(load_folder(Path(os.environ["APPROVE"])), version=version, formerly=tuple(formerly))]
"""


@pytest.fixture
def versions(tmp_path: Path, approve: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Become]:
    """``versions("2 1")``: the family of an installed distribution has version 2 of its task, formerly 1."""
    site = tmp_path / "site"
    metadata = site / "strangers-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / "family_of_versions.py").write_text(FAMILY)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: strangers\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[ftdojo.tasks]\nstrange = family_of_versions:tasks\n")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))  # for the grading process
    monkeypatch.setenv("APPROVE", str(approve))

    def become(text: str) -> None:
        monkeypatch.setenv("VERSIONS", text)
        forget()

    yield become
    monkeypatch.undo()
    forget()


def forget() -> None:
    for found in (families.tasks, generators.find_code, generators.find_projects, generators.find_modules):
        found.cache_clear()


def stages(home: Home) -> set[Path]:
    return {path.relative_to(home.root) for path in home.root.glob("*/*/*") if not path.name.startswith(".")}


def test_a_run_of_an_earlier_version(versions: Become, tiny_model: Path, tmp_path: Path) -> None:
    home, run, submission = Home(tmp_path / "home"), tmp_path / "run", write_submission(tmp_path / "submission")

    def dojo() -> Dojo:
        options = RunOptions(task="own/approve", model=str(tiny_model), agent="one")
        return Dojo(options, run, home=home)

    versions("1")
    with dojo() as begun:
        begun.reset()
        begun.step(submission)
    made = stages(home)

    versions("2")  # another content
    with dojo() as refused, pytest.raises(UsageError, match=r"digests: .* has changed: task") as caught:
        refused.reset()
    assert caught.value.fix.startswith("resume it with the ftdojo")

    versions("2 1")
    assert get("own/approve").version == "2"
    with dojo() as resumed:
        assert len(resumed.reset().history) == 1
        assert {path.parts[0] for path in stages(home) - made} <= {"data"}  # nothing is trained or answered anew
        assert resumed.close().outcome == "scored"
    audit = verify(run, home=home, progress=Silent())
    assert {check.name: check.status for check in audit.checks if check.status != "ok"} == {}
    assert export(run, tmp_path / "model", home=home, progress=Silent()).written.folder == tmp_path / "model"

    versions("3 2")
    audit = verify(run, home=home, progress=Silent())
    assert any(check.status == "unchecked" for check in audit.checks)
    with pytest.raises(UsageError, match=r"task.* changed since"):
        export(run, tmp_path / "other", home=home, progress=Silent())
