"""Generate a model's answers to a file of items. The outputs are a stage: the same model and items are never run twice.

Answers are saved batch by batch while the stage is made, so an interrupted run continues where it stopped. An
evaluation that may stop early is a stage for each of its parts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from ftdojo import digest, inference
from ftdojo.contract.progress import Progress
from ftdojo.contract.task_spec import Record
from ftdojo.data import read_items
from ftdojo.episode.evaluation import Prediction
from ftdojo.episode.sequential import Schedule
from ftdojo.inference import Engine, Generation
from ftdojo.plain import plural
from ftdojo.record import Stage, Store
from ftdojo.record.store import JOURNAL
from ftdojo.schema import StrictModel
from ftdojo.tasks.spec import Task

PREDICTIONS = "predictions.jsonl"
OpenEngine = Callable[[], AbstractContextManager[Engine]]
"""Loads a model, which answers until the context ends."""
Stop = Callable[[Sequence[Record], Sequence[Prediction]], bool]
"""Whether the evaluation may stop, given the items that are answered and their predictions."""


def predict(
    task: Task,
    items: Path,
    model: OpenEngine,
    model_digest: str,
    store: Store,
    progress: Progress,
    *,
    label: str,
    engine: str = "transformers",
    schedule: Schedule | None = None,
    stop: Stop | None = None,
) -> tuple[Stage, list[Record], list[Prediction]]:
    """Return the stage, the answered items in the order of their file, and one prediction for each.

    Args:
        task: supplies prompt and generation limit.
        items: a JSON-lines file in the task's evaluation schema.
        model: opens an engine on the model; called only if the outputs are not stored yet.
        model_digest: identity of the model.
        store: where outputs are kept.
        progress: receives the progress after every batch.
        label: the name of the stage in the progress display.
        engine: the name of that engine.
        schedule: answers the items part by part. Each part is a stage with everything up to it, so it does not depend
            on where the evaluation stops. By default all items are one part.
        stop: asked after each part but the last. By default all items are answered.
    """
    records = read_items(items)
    key = {
        "model": model_digest,
        "items": digest.of_file(items),
        "task": [task.spec.id, task.version],
        "max_new_tokens": task.spec.max_new_tokens,
        "engine": inference.identity(engine),
    }
    shown = _Shown(progress, label, schedule.looks[-1] if schedule else len(records))
    with _Loader(model) as loader:
        if schedule is None:
            stage = _answer(task, records, list(range(len(records))), key, store, loader, shown, before=None)
        else:
            stage = _answer_parts(task, records, schedule, key, store, loader, shown, stop)
    predictions = _read(stage)
    if not stage.reused:
        of = "" if len(predictions) == len(records) else f"{len(predictions)} of "
        progress.end(label, of + plural(len(records), "item"))
    if len(predictions) == len(records) or schedule is None:
        return stage, records, predictions
    return stage, [records[i] for i in schedule.part(len(predictions))], predictions


def _answer_parts(
    task: Task,
    records: list[Record],
    schedule: Schedule,
    key: dict[str, Any],
    store: Store,
    loader: _Loader,
    shown: _Shown,
    stop: Stop | None,
) -> Stage:
    """Return the stage with the last part that was needed."""
    before: Stage | None = None
    for size in schedule.looks:
        own = {**key, "part": schedule.identities[size]}
        stage = _answer(task, records, list(schedule.order[:size]), own, store, loader, shown, before=before)
        if size < len(records) and stop and stop([records[i] for i in schedule.part(size)], _read(stage)):
            break
        before = stage
    return stage


def _answer(
    task: Task,
    records: list[Record],
    positions: list[int],
    key: dict[str, Any],
    store: Store,
    loader: _Loader,
    shown: _Shown,
    *,
    before: Stage | None,
) -> Stage:
    """Return the stage with the answers to the items at these positions, of which the first ones are in ``before``.

    Its seconds include those of ``before``. The model is charged once: what an earlier process took to load it is left
    out if this one loads it again.
    """
    kept = [] if before is None else _read(before)
    asked = [records[i] for i in positions[len(kept) :]]
    spent_s = earlier_s = 0.0
    if before is not None:
        again_s = 0.0 if loader.loaded else before.facts["load_s"]
        spent_s, earlier_s = before.seconds - again_s, max(0.0, before.earlier_s - again_s)

    def build(folder: Path) -> dict[str, Any]:
        journal = _Journal(folder / JOURNAL, [str(record["id"]) for record in asked])

        def keep(answers: dict[int, Generation]) -> None:
            journal.append(answers)
            shown.update(len(kept) + len(journal.done))

        shown.update(len(kept) + len(journal.done))
        answering = loader.load()
        journal.start_clock()
        generations = answering.generate(
            [task.prompt(record) for record in asked],
            max_new_tokens=task.spec.max_new_tokens,
            done=journal.done,
            on_answers=keep,
        )
        new = [_prediction(id_, g) for id_, g in zip(journal.ids, generations, strict=True)]
        places = {str(records[i]["id"]): i for i in positions}
        outputs = sorted([*kept, *new], key=lambda p: places[p.id])
        (folder / PREDICTIONS).write_text("".join(p.model_dump_json() + "\n" for p in outputs), "utf-8")
        return {"items": len(outputs), "tokens": sum(p.tokens for p in outputs), "load_s": loader.seconds}

    stage = store.make("predictions", key, build, spent_s=spent_s, resumable=_sum_seconds)
    return stage if stage.reused else replace(stage, earlier_s=stage.earlier_s + earlier_s)


def _read(stage: Stage) -> list[Prediction]:
    return [Prediction.model_validate(row) for row in read_items(stage.path / PREDICTIONS)]


@dataclass(frozen=True, slots=True)
class _Shown:
    """The progress of an evaluation."""

    progress: Progress
    label: str
    total: int

    def update(self, done: int) -> None:
        self.progress.update(self.label, done, self.total, f"{done:,} of {plural(self.total, 'item')}")


class _Loader:
    """Loads the model when it is first needed, and frees it at the end of the context."""

    def __init__(self, model: OpenEngine) -> None:
        self._model = model
        self._opened = ExitStack()
        self._answering: Engine | None = None
        self.seconds = 0.0

    @property
    def loaded(self) -> bool:
        """Whether this process has loaded the model."""
        return self._answering is not None

    def load(self) -> Engine:
        """Return the loaded model."""
        if self._answering is None:
            begun = time.monotonic()
            self._answering = self._opened.enter_context(self._model())
            self.seconds = time.monotonic() - begun
        return self._answering

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()


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
