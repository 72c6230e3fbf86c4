"""Digests of a task's outputs, as in ``golden.toml``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ftdojo import digest
from ftdojo.contract.task_spec import MAX_CHANGE, Record, TaskSpec
from ftdojo.tasks.raw_files import read
from ftdojo.tasks.rows import read_jsonl
from ftdojo.tasks.spec import Task
from ftdojo_tasks.golden import Golden

SPLITS = ("validation", "test")
SCORED = 10
"""Items of each split whose scores are kept: the programs that answer a chart task take a second each."""
LOOSE = (
    "So CF3 and c1ccccc1 of US7654321B2 aside, I think and hope: {}",
    "```\n{}\n```\nas asked",
    "{}\tand none",
    "it = 7</think>{}",
)
"""Ways to write an answer around which the rules of reading differ."""
DIGITS = 9
"""Of a score. Libraries round the rest in their own ways."""


def measure(task: Task, twin: Path) -> Golden:
    """The table of a task as the code makes it; ``hub`` and ``formerly`` are empty.

    Args:
        task: with a runner, if its scorer runs code.
        twin: the folder with its generated data.
    """
    splits = [read_jsonl(twin / f"{split}.jsonl") for split in SPLITS]
    prompts = [[dict(turn) for turn in task.prompt(item)] for items in splits for item in items]
    return Golden(
        specification=digest.of_value(_specification(task.spec)),
        twin=files(twin),
        prompts=digest.of_value(prompts),
        scores=digest.of_value(_scores(task, [item for items in splits for item in items[:SCORED]])),
    )


def _specification(spec: TaskSpec) -> dict[str, Any]:
    """The specification as JSON values, without a rule that is younger than the tables and has its default."""
    values = asdict(spec)
    if spec.rules.max_change == MAX_CHANGE:
        del values["rules"]["max_change"]
    return values


def files(folder: Path) -> dict[str, str]:
    """Path of each file below a folder -> the digest of its content."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): _digest(path) for path in found}


def _digest(path: Path) -> str:
    """Digest of a file. Of a parquet file, only the rows: its bytes contain the version of the writing library."""
    return digest.of_value(list(read(path))) if path.suffix == ".parquet" else digest.of_file(path)


def _scores(task: Task, items: Sequence[Record]) -> list[Any]:
    """Verdicts and metrics on right, blank, constant, mixed-up, broken and loosely written answers."""
    gold = [task.scorer.gold(item) for item in items]
    answers = (
        gold,
        [""] * len(gold),
        [gold[0]] * len(gold),
        [*gold[1:], gold[0]],
        [output[: len(output) // 2] for output in gold],
        [LOOSE[i % len(LOOSE)].format(output) for i, output in enumerate(gold)],
    )
    outputs = [output for group in answers for output in group]
    scores = task.scorer.score(list(items) * len(answers), outputs)
    groups = [scores[start : start + len(gold)] for start in range(0, len(scores), len(gold))]
    verdicts = [[s.id, s.subtask, s.score, s.parsed, s.error, dict(s.metrics)] for s in scores]
    totals = [[task.scorer.value(group), dict(task.scorer.metrics(group))] for group in groups]
    return list(_rounded([verdicts, totals]))


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return round(value, DIGITS)
        case dict():
            return {key: _rounded(item) for key, item in value.items()}
        case list():
            return [_rounded(item) for item in value]
    return value
