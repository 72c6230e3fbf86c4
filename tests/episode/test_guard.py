"""A guard against forgetting: who is accepted, what is recorded and shown, resumed and audited.

The base model of these runs has learned to say yes or no. They teach it to say ja or nein to requests in another form,
and guard the first.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

import tiny
from ftdojo import tasks
from ftdojo.audit import verify
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.contract.protocol import Decision, Iteration, Observation
from ftdojo.contract.feedback import Interval
from ftdojo.contract.result import RunResult
from ftdojo.data import read_items
from ftdojo.episode import Dojo, run_episode
from ftdojo.episode.guard import MOST_ITEMS, Guard, choose_items, compare_with_base, decide_guarded, describe_losses
from ftdojo.errors import UsageError
from ftdojo.inference import TransformersEngine
from ftdojo.record import Home, Ledger
from ftdojo.record.history import History
from ftdojo.tasks.spec import ItemScore

GERMAN = {"yes": "ja", "no": "nein"}
GUARDED = "own/approve"
ONLY_NEW: dict[str, Any] = {"source": {"where": "kind == 'new'"}}
MIXED: dict[str, Any] = {"train": {"learning_rate": 0.003, "epochs": 20}}
MARGIN = 10.0
"""Of 30 items; five points would need more."""


@pytest.fixture(scope="module")
def german(approve: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task folder: the answers are German, and so is a word before the request. Half of the raw rows are of the task
    that is guarded."""
    folder = shutil.copytree(approve, tmp_path_factory.mktemp("german") / "german")
    text = (folder / "task.toml").read_text().replace(GUARDED, "own/german")
    (folder / "task.toml").write_text(text.replace("yes or no", "ja or nein"))
    for name in ("train", "eval"):
        old = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
        new = [
            {"request": row["request"].replace(":", "!"), "verdict": GERMAN[row["verdict"]], "kind": "new"}
            for row in old
        ]
        kept = [{**row, "kind": "old"} for row in old] if name == "train" else []
        rows = [row for pair in zip(new, kept, strict=True) for row in pair] if kept else new
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


class Scripted:
    """Submits recipes whose source has these keys in addition."""

    name, planner = "scripted", ""

    def __init__(self, folder: Path, sources: Sequence[dict[str, Any]]) -> None:
        self.folder, self.sources = folder, sources
        self.seen: list[Observation] = []

    def propose(self, observation: Observation) -> Path | None:
        self.seen.append(observation)
        number = len(observation.history)
        if number == len(self.sources):
            return None
        folder = self.folder / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in tiny.SUBMISSION.items():
            if name == "recipe.yaml":
                content = {"sources": [content["sources"][0] | self.sources[number].get("source", {})]}
            if name == "train.yaml":
                content = content | self.sources[number].get("train", {})
            (folder / name).write_text(yaml.safe_dump(content))
        return folder


def play(
    place: Path, task: Path, model: Path, home: Home, sources: Sequence[dict[str, Any]], **options: Any
) -> tuple[RunResult, list[Observation]]:
    given = RunOptions(task=str(task), model=str(model), agent="scripted", **options)
    agent = Scripted(place / "work", sources)
    with Dojo(given, place / "run", home=home) as dojo:
        return run_episode(dojo, agent), agent.seen


def test_try(finished_run: Path, german: Path, approve: Path, tmp_path: Path) -> None:
    r, seen = play(
        tmp_path,
        german,
        finished_run / "run/model",
        Home(finished_run / "home"),
        [
            ONLY_NEW,
            MIXED,
            {"train": {"learning_rate": 0.01, "epochs": 6}},
            {"train": {"learning_rate": 0.005, "epochs": 20}},
        ],
        guard=(str(approve),),
        guard_margin=MARGIN,
    )
    print(r.model_dump_json(indent=1))
    for i in seen[-1].history:
        print(i.verdict)
        print(i.feedback.execution)
    audit = verify(tmp_path / "run", home=Home(finished_run / "home"), progress=Silent())
    print({c.name: c.message for c in audit.checks if c.status != "ok"})
    assert 0
