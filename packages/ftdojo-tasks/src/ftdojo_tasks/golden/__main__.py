"""``python -m ftdojo_tasks.golden [--write]``: compare the tasks' outputs with the families' files, or write these."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from ftdojo.tasks.external import CodeRunner, RunsCode
from ftdojo.tasks.spec import Task
from ftdojo_tasks.golden import read
from ftdojo_tasks.golden.file import update
from ftdojo_tasks.golden.measure import measure

FAMILIES = ("biology", "chemistry", "finance", "math", "patent", "table")


def run_locally(program: Path, inputs: Path, output: Path) -> None:
    """Run a scorer's program on this package's own gold answers: a :class:`~ftdojo.tasks.external.CodeRunner`."""
    command = [sys.executable, "main.py", str(inputs), str(output)]
    subprocess.run(command, cwd=program, check=True, capture_output=True)


def bound(task: Task, runner: CodeRunner) -> Task:
    """The task with a runner, if its scorer takes one."""
    return replace(task, scorer=task.scorer.bind(runner)) if isinstance(task.scorer, RunsCode) else task


def main() -> int:
    """Compare all tasks with their files, or write these; 1 if any differs."""
    parser = argparse.ArgumentParser(prog="python -m ftdojo_tasks.golden", description="Check the golden outputs.")
    parser.add_argument("--write", action="store_true", help="write what the code makes")
    arguments = parser.parse_args()
    differing = 0
    for family in (f"ftdojo_tasks.{name}" for name in FAMILIES):
        for task in import_module(family).tasks():
            with tempfile.TemporaryDirectory(prefix="ftdojo-golden-") as folder:
                task.variants["twin"].build(Path(folder), {})
                measured = measure(bound(task, run_locally), Path(folder))
            known = read(family).get(task.spec.id)
            names = ("specification", "twin", "prompts", "scores")
            changed = [name for name in names if known is None or getattr(known, name) != getattr(measured, name)]
            print(f"{task.spec.id}: {', '.join(changed) + ' changed' if changed else 'as recorded'}", flush=True)  # noqa: T201
            differing += bool(changed)
            if arguments.write:
                update(family, task.spec.id, **measured.model_dump(include=set(names)))
    return int(bool(differing) and not arguments.write)


if __name__ == "__main__":
    sys.exit(main())
