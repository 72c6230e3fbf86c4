"""Submissions for tests of runs of the tiny task: their folders, a data program, and an agent that submits them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ftdojo.agents import AgentSetup
from ftdojo.contract.protocol import Observation
from tiny import SUBMISSION

FAILS: dict[str, Any] = {"epochs": 0.2, "learning_rate": 1e-5}
"""Keys of train.yaml with which the tiny model learns too little."""
READS = """
import argparse, json, pathlib

parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name, required=True)
given = parser.parse_args()
lines = pathlib.Path(given.input, "train.jsonl").read_text().splitlines()[: int(given.limit)]
rows = [json.loads(line) for line in lines]
"""
"""The beginning of a data program of the tiny task: ``rows`` are its raw rows, ``given.output`` is what it writes."""
WRITES = """
with open(given.output, "w") as out:
    for number, row in enumerate(rows):
        request, verdict = row["request"], row["verdict"]
        out.write(json.dumps(ROW) + "\\n")
"""


def data_program(row: str = '{"prompt": request, "completion": verdict}') -> str:
    """Return the text of a program that writes ``row`` for each raw row of the task: an expression in Python of the
    raw row's ``request`` and ``verdict``, and of its ``number`` from 0."""
    return READS + WRITES.replace("ROW", row)


def write_submission(
    folder: Path,
    *,
    train: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any] | None = None,
    source: Mapping[str, Any] | None = None,
    program: str | None = None,
) -> Path:
    """Write the tiny task's submission and return its folder.

    ``train``, ``recipe`` and ``source`` are keys that differ from it or are added: of train.yaml, of recipe.yaml, and
    of the only source of the recipe. A ``program`` is written to process_data.py, instead of a recipe.
    """
    (usual,) = SUBMISSION["recipe.yaml"]["sources"]
    files = {
        "plan.yaml": yaml.safe_dump(SUBMISSION["plan.yaml"]),
        "train.yaml": yaml.safe_dump({**SUBMISSION["train.yaml"], **(train or {})}),
    }
    if program is None:
        files["recipe.yaml"] = yaml.safe_dump({"sources": [{**usual, **(source or {})}], **(recipe or {})})
    else:
        files["process_data.py"] = program
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


class Submits:
    """An agent that submits these folders, one after the other, and keeps what it was shown."""

    name, planner = "scripted", ""

    def __init__(self, *folders: Path) -> None:
        self.folders = folders
        self.seen: list[Observation] = []

    def propose(self, observation: Observation) -> Path | None:
        """Return the folder of the next iteration, ``None`` after the last."""
        self.seen.append(observation)
        number = len(observation.history)
        return self.folders[number] if number < len(self.folders) else None


class TrainsAllWeights:
    """A plug-in for command lines and suites, ``submissions:TrainsAllWeights``: one training from which the tiny model
    learns a task, on every raw file in its first form."""

    name, planner = "trains-all-weights", ""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace

    @classmethod
    def create(cls, setup: AgentSetup) -> TrainsAllWeights:
        return cls(setup.workspace)

    def propose(self, observation: Observation) -> Path | None:
        """Return its only submission."""
        if observation.history:
            return None
        (raw,) = observation.task.raw_sources
        first = raw.renderings[0]
        source = {"path": raw.path, "prompt": first.prompt, "completion": first.completion}
        return write_submission(self.workspace / "1", train={"epochs": 4, "max_length": 128}, source=source)


JUDGED = '{"prompt": request, "completion": ("no", "yes")[number % 2], "label": verdict == ("no", "yes")[number % 2]}'
"""A row with a judged answer: every second one is yes, the others are no."""
BY_EVERY_METHOD: dict[str, dict[str, Any]] = {
    "full": {"program": data_program('{"prompt": request, "completion": "yes" if number % 5 < 2 else "no"}')},
    "orpo": {"recipe": {"pairs": "other_answer", "max_rows": 60}},
    "dpo": {"recipe": {"pairs": "other_answer"}},
    "kto": {"program": data_program(JUDGED)},
    "grpo": {"recipe": {"items": True}},
}
"""Methods -> the data of a submission to the tiny task. The first one teaches mostly the wrong answer, and often the
right one, so that the others have something to turn around."""
KEYS: dict[str, dict[str, Any]] = {
    "full": {"epochs": 4},
    "orpo": {"beta": 1.0, "epochs": 2},
    "dpo": {"sft_weight": 10, "epochs": 2},
    "kto": {"epochs": 2},
    "grpo": {"group_size": 8, "epochs": 1},
}
"""Methods -> their keys of train.yaml."""


def write_by_method(method: str, folder: Path) -> Path:
    """Write a submission to the tiny task that trains by a method: all but the first go on from the first iteration."""
    after = {} if method == "full" else {"weights": "full", "start": 1, "learning_rate": 0.003}
    return write_submission(folder, train={"method": method, **after, **KEYS[method]}, **BY_EVERY_METHOD[method])


class TrainsByEveryMethod:
    """A plug-in for suites, ``submissions:TrainsByEveryMethod``: one training of the tiny task by each method."""

    name, planner = "trains-by-every-method", ""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace

    @classmethod
    def create(cls, setup: AgentSetup) -> TrainsByEveryMethod:
        return cls(setup.workspace)

    def propose(self, observation: Observation) -> Path | None:
        """Return the submission of the next method, ``None`` after the last."""
        number = len(observation.history)
        if number == len(BY_EVERY_METHOD):
            return None
        return write_by_method(list(BY_EVERY_METHOD)[number], self.workspace / str(number))
