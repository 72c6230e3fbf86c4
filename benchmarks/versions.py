"""Is a run decided in the same way with another version of the libraries? The same submissions under two interpreters.

    make test-newest                                   # makes .venv-newest
    python benchmarks/versions.py .venv-newest/bin/python [--model NAME|FOLDER]

Each side plays the same episode in a process of its own, with an empty home: the embedded model on 120 rows and 60
items of examples/support_tickets, five submissions that do not depend on what was measured, and a budget that cuts
nothing. Two of them are refused, by gate 1 and by gate 3; the others are trained, the last one from the weights of the
first one.

The table has a row for each submission: what was decided, the findings, the validation score, and how much of what was
made is the same, byte for byte. The exit status is 1 if a decision or a finding differs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

TASK = Path(__file__).parents[1] / "examples/support_tickets"
PARTS = {"train.jsonl": 120, "eval.jsonl": 60}
"""Files of the task, and how many of their first lines are used."""
TRAIN: dict[str, Any] = {
    "method": "lora",
    "learning_rate": 1e-3,
    "epochs": 2,
    "batch_size": 8,
    "max_length": 256,
    "seed": 0,
}
CHANGES: dict[str, dict[str, Any]] = {
    "two epochs": {},
    "too few steps": {"learning_rate": 1e-5, "max_steps": 4},
    "a module that is not there": {"lora": {"targets": ["nothing"]}},
    "rows that do not fit": {"max_length": 16},
    "one more epoch, from the first": {"start": 1, "learning_rate": 3e-4, "epochs": 1},
}
"""Name of a submission -> its training, where that differs from :data:`TRAIN`."""


def write_task(folder: Path) -> Path:
    """Write a task of the first rows and items."""
    folder.mkdir()
    shutil.copy(TASK / "task.toml", folder)
    for name, count in PARTS.items():
        lines = (TASK / name).read_text("utf-8").splitlines(keepends=True)
        (folder / name).write_text("".join(lines[:count]), "utf-8")
    return folder


def write_submissions(task: Path, folder: Path) -> list[Path]:
    """Write the submissions, with all rows of the task in the form of its own prompt."""
    from ftdojo import tasks
    from ftdojo.episode.trivial import ANSWER

    _, found = tasks.get(str(task)).variant(None)
    sources = []
    for raw in found.spec.raw_sources:
        way = next((r for r in raw.renderings if r.name == ANSWER), raw.renderings[0])
        sources.append({"path": raw.path, "prompt": way.prompt, "completion": way.completion})
    made = []
    for number, changes in enumerate(CHANGES.values(), start=1):
        plan = {"parent": 0, "hypothesis": "h", "evidence": ["e"], "focus": "both", "changes": []}
        made.append(folder / str(number))
        made[-1].mkdir(parents=True)
        for name, content in {"plan": plan, "recipe": {"sources": sources}, "train": {**TRAIN, **changes}}.items():
            (made[-1] / f"{name}.yaml").write_text(yaml.safe_dump(content), "utf-8")
    return made


def play(job: Path) -> None:
    """Play one side; what was decided goes to ``decided.json`` beside ``job``."""
    import peft
    import torch
    import transformers

    from ftdojo.contract.options import RunOptions
    from ftdojo.episode import Dojo
    from ftdojo.record import Home

    request = json.loads(job.read_text("utf-8"))
    options = RunOptions(task=request["task"], model=request["model"], wall_s=12 * 3600.0)
    with Dojo(options, job.parent / "run", home=Home(job.parent / "home")) as dojo:
        seen = dojo.reset()
        baseline = seen.baseline.score
        for submission in request["submissions"]:
            seen = dojo.step(Path(submission))
        result = dojo.close()
    iterations = [
        {
            "accepted": one.accepted,
            "findings": sorted({f"{f.severity} {f.code}" for f in one.feedback.execution.findings}),
            "score": str(one.score),
            "contents": one.contents,
            "verdict": one.verdict,
        }
        for one in seen.history
    ]
    versions = ", ".join(f"{library.__name__} {library.__version__}" for library in (transformers, peft, torch))
    test = str(result.best.test) if result.best else ""
    decided = {"versions": versions, "baseline": str(baseline), "iterations": iterations, "test": test}
    (job.parent / "decided.json").write_text(json.dumps(decided), "utf-8")


def side(python: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return what an interpreter decides."""
    with tempfile.TemporaryDirectory(prefix="ftdojo-versions-") as scratch:
        job = Path(scratch, "job.json")
        job.write_text(json.dumps(request), "utf-8")
        subprocess.run([python, Path(__file__).resolve(), python, "--play", job], check=True)
        decided: dict[str, Any] = json.loads((job.parent / "decided.json").read_text("utf-8"))
        return decided


def main() -> None:
    """Both sides, and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", help="the interpreter of another environment that ftdojo is installed in")
    parser.add_argument("--model", default="smollm2-135m", help="a model, or the folder of one")
    parser.add_argument("--play", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.play:
        return play(given.play)
    with tempfile.TemporaryDirectory(prefix="ftdojo-versions-") as scratch:
        task = write_task(Path(scratch, "tickets"))
        submissions = write_submissions(task, Path(scratch, "submissions"))
        request = {"task": str(task), "model": given.model, "submissions": list(map(str, submissions))}
        sides = [side(python, request) for python in (sys.executable, given.python)]
    for one in sides:
        print(f"{one['versions']}: base model {one['baseline']}, best model on test {one['test']}")
    print("\n| submission | decision | findings | validation | the same bytes |\n|---|---|---|---|---|")
    same = True
    for name, *both in zip(CHANGES, *(one["iterations"] for one in sides), strict=True):
        cells = [
            _both("accepted" if i["accepted"] else "rejected" if i["score"] != "None" else "refused" for i in both),
            _both(", ".join(i["findings"]) or "none" for i in both),
        ]
        same = same and not any(" / " in cell for cell in cells)
        equal = [key for key, found in both[0]["contents"].items() if both[1]["contents"].get(key) == found]
        print(f"| {name} | {' | '.join(cells)} | {_both(i['score'] for i in both)} | {', '.join(equal) or 'none'} |")
    print("\nthe decisions are the same" if same else "\nthe decisions differ")
    sys.exit(not same)


def _both(values: Any) -> str:
    first, second = values
    return str(first) if first == second else f"{first} / {second}"


if __name__ == "__main__":
    main()
