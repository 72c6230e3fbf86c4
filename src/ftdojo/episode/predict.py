"""Generate a model's answers to a file of items. The outputs are a stage: the same model and items are never run twice.

Answers are saved batch by batch while the stage is made, so an interrupted run continues where it stopped.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ftdojo import digest, inference
from ftdojo.contract.progress import Progress
from ftdojo.contract.task_spec import Record
from ftdojo.data import read_items
from ftdojo.episode.evaluation import Prediction
from ftdojo.inference import Generation
from ftdojo.record import Stage, Store
from ftdojo.record.store import JOURNAL
from ftdojo.schema import StrictModel
from ftdojo.tasks.spec import Task

PREDICTIONS = "predictions.jsonl"


def predict(
    task: Task,
    items: Path,
    model: Callable[[], AbstractContextManager[Path]],
    model_digest: str,
    store: Store,
    progress: Progress,
    *,
    label: str,
    engine: str = "transformers",
) -> tuple[Stage, list[Record], list[Prediction]]:
    """Return the stage, the items, and one prediction per item in the same order.

    Args:
        task: supplies prompt and generation limit.
        items: a JSON-lines file in the task's evaluation schema.
        model: opens the folder of the exported model; called only if the outputs are not stored yet.
        model_digest: identity of the model.
        store: where outputs are kept.
        progress: receives the progress after every batch.
        label: the name of the stage in the progress display.
        engine: the inference engine.
    """
    records = read_items(items)
    key = {
        "model": model_digest,
        "items": digest.of_file(items),
        "task": [task.spec.id, task.version],
        "max_new_tokens": task.spec.max_new_tokens,
        "engine": inference.identity(engine),
    }

    def build(folder: Path) -> dict[str, Any]:
        journal = _Journal(folder / JOURNAL, [str(record["id"]) for record in records])

        def keep(answers: dict[int, Generation]) -> None:
            journal.append(answers)
            progress.update(label, len(journal.done), len(records), "items")

        progress.update(label, len(journal.done), len(records), "items")
        with model() as path, inference.open_engine(engine, path) as answering:
            journal.start_clock()
            generations = answering.generate(
                [task.prompt(record) for record in records],
                max_new_tokens=task.spec.max_new_tokens,
                done=journal.done,
                on_answers=keep,
            )
        outputs = [_prediction(id_, g) for id_, g in zip(journal.ids, generations, strict=True)]
        (folder / PREDICTIONS).write_text("".join(p.model_dump_json() + "\n" for p in outputs), "utf-8")
        return {"items": len(outputs), "tokens": sum(p.tokens for p in outputs)}

    stage = store.make("predictions", key, build, resumable=_sum_seconds)
    if not stage.reused:
        progress.end(label, f"{len(records)} items")
    return stage, records, [Prediction.model_validate(row) for row in read_items(stage.path / PREDICTIONS)]


class _Batch(StrictModel):
    """A line of the journal."""

    seconds: float
    """Seconds of the batch without loading the model: a resumed run loads it again, and is charged for loading once."""
    answers: list[Prediction]


class _Journal:
    """The answers of a stage that is being made, one batch per line."""

    def __init__(self, path: Path, ids: list[str]) -> None:
        self._path, self.ids = path, ids
        kept = _read_batches(path)
        path.write_text("".join(batch.model_dump_json() + "\n" for batch in kept), "utf-8")
        places = {id_: i for i, id_ in enumerate(ids)}
        self.done = {places[p.id]: Generation(p.output, p.tokens, p.truncated) for b in kept for p in b.answers}
        self.start_clock()

    def start_clock(self) -> None:
        """Start the time of the next batch."""
        self._mark = time.monotonic()

    def append(self, answers: dict[int, Generation]) -> None:
        """Write a batch's answers, given by the position of their item, and sync them to the disk."""
        self.done |= answers
        made = [_prediction(self.ids[i], generation) for i, generation in answers.items()]
        batch = _Batch(seconds=time.monotonic() - self._mark, answers=made)
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(batch.model_dump_json() + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        self.start_clock()


def _sum_seconds(journal: Path) -> float:
    return sum(batch.seconds for batch in _read_batches(journal))


def _read_batches(journal: Path) -> list[_Batch]:
    """Return the batches before the first line that a killed process or a damaged disk left incomplete."""
    batches: list[_Batch] = []
    for line in journal.read_bytes().splitlines() if journal.is_file() else []:
        try:
            batches.append(_Batch.model_validate_json(line))
        except ValidationError:
            break
    return batches


def _prediction(id_: str, generation: Generation) -> Prediction:
    return Prediction(id=id_, output=generation.text, tokens=generation.n_tokens, truncated=generation.truncated)
