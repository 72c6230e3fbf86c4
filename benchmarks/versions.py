"""Does a run decide the same with other versions of the libraries? The same submissions in two environments.

    python benchmarks/versions.py PYTHON PYTHON [--task FOLDER|NAME] [--model NAME|FOLDER] [--rows 160] [--items N]
        [--iterations 5] [--seed 0]

``PYTHON`` is the interpreter of an environment that has this copy of ftdojo: ``make install`` makes one with the
versions of ``constraints.txt``, ``make install VENV=.venv-newest CONSTRAINTS=/dev/null`` one with the newest ones that
the bounds allow.

Each side plays the same episode in a process of its own, with an empty home, one after the other. The submissions are
fixed and the budget is no limit, so no clock decides anything: a recipe, a training that starts from its model,
adapters on a module that the model does not have, the recipe with another seed, and all weights. At the end the best
model is exported and asked the sealed test.

Printed are the facts of both sides: versions, decisions, scores, losses, and digests of rows, weights and answers. The
exit status is 1 if the decisions differ: what is refused and why, what is accepted, what is best. Numbers may differ
without that.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from safetensors.torch import load_file

from ftdojo import digest
from ftdojo.agents.draft import Proposal, first
from ftdojo.contract.options import RunOptions
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.submission import Plan
from ftdojo.contract.task_spec import TaskSpec
from ftdojo.data import read_items
from ftdojo.episode import Dojo
from ftdojo.episode.predict import PREDICTIONS
from ftdojo.episode.train_stage import MODEL
from ftdojo.record import Home, Ledger, RunFolder
from ftdojo.record.events import BaselineMeasured
from ftdojo.record.history import History

TASK = Path(__file__).parents[1] / "examples/support_tickets"
PACKAGES = ("transformers", "peft", "accelerate", "torch", "tokenizers", "safetensors", "numpy")
HOURS = 1000.0
TRAIN = {"learning_rate": 1e-3, "epochs": 1, "batch_size": 8, "max_length": 512, "eval_fraction": 0.1}
SUBMISSIONS: tuple[dict[str, Any], ...] = (
    {},
    {"start": 1, "learning_rate": 5e-4},
    {"lora": {"targets": ["no_such_module"]}},
    {"seed": 1},
    {"method": "full", "learning_rate": 5e-5},
)
"""What differs from :data:`TRAIN`."""
SHORT = 12
"""Digits of a digest that are printed."""
SIDE = "side.json"


class Made(BaseModel):
    """What one side made of one submission, or of the base model."""

    decision: str
    score: str = ""
    loss: str = ""
    """Of the first step, of the last ones, and of the rows that are held out."""
    rows: str = ""
    """Digest."""
    weights: dict[str, Path] = {}
    """Files of what was trained, by their names."""
    answers: list[str] = []


class Side(BaseModel):
    """What one side did."""

    versions: dict[str, str]
    made: list[Made]
    """The base model comes first."""
    best: int
    outcome: str
    exported: dict[str, Path] = {}
    """Files of the best model, by their names."""
    test: dict[str, str]
    """``base`` and ``best`` -> score."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of both sides."""

    name: str
    sides: tuple[str, str]
    decides: bool = False
    """Whether it is a decision."""
    note: str = ""
    """How large the difference is, if there is one."""

    @property
    def same(self) -> bool:
        """Whether it is the same on both sides."""
        return self.sides[0] == self.sides[1]

    def __str__(self) -> str:
        verdict = "" if self.same else f"differs{self.note and ': '}{self.note}"
        return f"| {self.name} | {self.sides[0]} | {self.sides[1]} | {verdict} |"


def facts(one: Side, two: Side) -> Iterator[Fact]:
    """All facts of two sides, in the order of the run."""
    for name in one.versions:
        yield Fact(name, (one.versions[name], two.versions[name]))
    for number, (here, there) in enumerate(zip(one.made, two.made, strict=True)):
        what = f"{number}, " if number else "base, "
        yield Fact(f"{what}decision", (here.decision, there.decision), decides=True)
        for name in ("score", "loss", "rows"):
            sides = (getattr(here, name), getattr(there, name))
            if any(sides):
                yield Fact(what + name, sides)
        yield from compare_weights(what, here.weights, there.weights)
        if here.answers or there.answers:
            shown = [digest.of_value(side.answers)[:SHORT] if side.answers else "none" for side in (here, there)]
            same = sum(a == b for a, b in zip(here.answers, there.answers, strict=False))
            yield Fact(f"{what}answers", (shown[0], shown[1]), note=f"{same} of {len(here.answers)} are the same")
    yield Fact("best iteration", (str(one.best), str(two.best)), decides=True)
    yield Fact("outcome", (one.outcome, two.outcome), decides=True)
    yield from compare_weights("exported, ", one.exported, two.exported)
    for name in one.test:
        yield Fact(f"test, {name}", (one.test[name], two.test[name]))


def compare_weights(what: str, one: Mapping[str, Path], two: Mapping[str, Path]) -> Iterator[Fact]:
    """Whether files with weights are equal, byte by byte."""
    for name in sorted(one.keys() | two.keys()):
        shown = [digest.of_file(side[name])[:SHORT] if name in side else "none" for side in (one, two)]
        differ = "none" not in shown and shown[0] != shown[1]
        yield Fact(what + name, (shown[0], shown[1]), note=apart(one[name], two[name]) if differ else "")


def apart(one: Path, two: Path) -> str:
    """How far the tensors of two files are from each other."""
    tensors, others = load_file(one), load_file(two)
    if {n: t.shape for n, t in tensors.items()} != {n: t.shape for n, t in others.items()}:
        return "other tensors"
    moved = sum(float((tensors[n].double() - t.double()).square().sum()) for n, t in others.items())
    norm = sum(float(t.double().square().sum()) for t in tensors.values())
    return f"by {(moved / norm) ** 0.5:.1e} of their norm"


def conclude(found: list[Fact]) -> str:
    """Say whether the decisions are the same."""
    different = [f"{fact.name} ({fact.sides[0]}, {fact.sides[1]})" for fact in found if fact.decides and not fact.same]
    return f"the decisions differ: {'; '.join(different)}" if different else "same decisions"


def write_submissions(spec: TaskSpec, folder: Path, given: dict[str, Any]) -> list[Path]:
    """Write the submissions."""
    written = []
    for number, changes in enumerate(SUBMISSIONS[: given["iterations"]], 1):
        draft = first(spec, rows=given["rows"], seed=given["seed"], train=TRAIN).with_train(**changes)
        plan = Plan(parent=0, hypothesis=yaml.safe_dump(changes), evidence=[], focus="both", changes=[])
        written.append(folder / str(number))
        Proposal(plan, draft).write(written[-1])
    return written


def shorten(task: Path, folder: Path, items: int) -> Path:
    """Copy the folder of a task with its first items alone."""
    shutil.copytree(task, folder)
    kept = (folder / "eval.jsonl").read_text("utf-8").splitlines(keepends=True)[:items]
    (folder / "eval.jsonl").write_text("".join(kept), "utf-8")
    return folder


def play(job: Path) -> None:
    """One side, in its own process: play the episode and write what was done next to the job."""
    given = json.loads(job.read_text("utf-8"))
    home, run = Home(job.parent / "home"), job.parent / "run"
    options = RunOptions(task=given["task"], model=given["model"], seed=given["seed"], wall_s=HOURS * 3600)
    with Dojo(options, run, home=home) as dojo:
        observation = dojo.reset()
        for submission in write_submissions(observation.task, job.parent / "written", given):
            observation = dojo.step(submission)
        result = dojo.close()
    with Ledger(run, writable=False) as ledger:
        base = History(ledger).require(BaselineMeasured).digests
    side = Side(
        versions={"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        made=[
            Made(decision="measured", score=str(observation.baseline.score), answers=read_answers(base, home)),
            *(describe(iteration, home) for iteration in observation.history),
        ],
        best=observation.best,
        outcome=result.outcome,
        exported={path.name: path for path in RunFolder(run).model.glob("*.safetensors")},
        test={"base": str(result.baseline.test), "best": str(result.best.test)},
    )
    (job.parent / SIDE).write_text(side.model_dump_json(), "utf-8")


def describe(iteration: Iteration, home: Home) -> Made:
    """What was made of a submission, from the record and the store."""
    codes = ", ".join(finding.code for finding in iteration.feedback.execution.findings)
    decision = "refused" if iteration.decision is None else "accepted" if iteration.accepted else "rejected"
    training, stage = iteration.feedback.training, iteration.digests.get("train")
    losses = [training.curve[0].loss, training.train_loss, training.eval_loss] if training else []
    return Made(
        decision=f"{decision} ({codes})" if codes else decision,
        score=str(iteration.score or ""),
        loss=", ".join(f"{loss:.7f}" for loss in losses if loss is not None),
        rows=iteration.contents.get("data", "")[:SHORT],
        weights={path.name: path for path in (home.stages / "models" / stage / MODEL).glob("*.safetensors")}
        if stage
        else {},
        answers=read_answers(iteration.digests, home),
    )


def read_answers(digests: dict[str, str], home: Home) -> list[str]:
    """What a model has answered to the validation items."""
    if "evaluate" not in digests:
        return []
    return [row["output"] for row in read_items(home.stages / "predictions" / digests["evaluate"] / PREDICTIONS)]


def main() -> None:
    """Play both sides and print the facts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pythons", nargs="*", type=Path, metavar="PYTHON", help="the interpreters of two environments")
    parser.add_argument("--task", default=str(TASK), help="a task, or the folder of one")
    parser.add_argument("--model", default="smollm2-135m", help="a model, or the folder of one")
    parser.add_argument("--rows", type=int, default=160, help="rows of the recipe")
    parser.add_argument("--items", type=int, help="of a task folder, only so many items, validation and test together")
    parser.add_argument("--iterations", type=int, default=len(SUBMISSIONS), help="only so many of the submissions")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--play", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.play:
        play(given.play)
        return
    if len(given.pythons) != 2:
        parser.error("name the interpreters of two environments")
    with tempfile.TemporaryDirectory(prefix="ftdojo-versions-") as scratch:
        task = given.task if given.items is None else shorten(Path(given.task), Path(scratch, "task"), given.items)
        request: dict[str, Any] = {name: getattr(given, name) for name in ("rows", "iterations", "seed")}
        for name, value in (("task", task), ("model", given.model)):
            request[name] = str(Path(value).absolute()) if Path(value).is_dir() else value
        sides = []
        for number, python in enumerate(given.pythons):
            job = Path(scratch, str(number), "job.json")
            job.parent.mkdir()
            job.write_text(json.dumps(request), "utf-8")
            subprocess.run([python.absolute(), Path(__file__).resolve(), "--play", job], check=True)
            sides.append(Side.model_validate_json((job.parent / SIDE).read_text("utf-8")))
        found = list(facts(*sides))
        print("| | one | the other | |\n|---|---|---|---|", *found, f"\n{conclude(found)}", sep="\n")
    sys.exit(any(fact.decides and not fact.same for fact in found))


if __name__ == "__main__":
    main()
