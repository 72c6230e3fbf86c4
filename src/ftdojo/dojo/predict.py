"""Let a model answer a file of items. The outputs are a stage: the same model and items are never run twice.

Answers are kept batch by batch while it is made, so a run that is interrupted goes on where it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from ftdojo import inference
from ftdojo.dojo.evaluation import Prediction
from ftdojo.dojo.progress import Progress
from ftdojo.inference import Generation
from ftdojo.rawdata import read_items
from ftdojo.record import Stage, Store, digest
from ftdojo.tasks.spec import Record, Task

PREDICTIONS = "predictions.jsonl"
JOURNAL = "begun.jsonl"


def predict(
    task: Task,
    items: Path,
    model: Callable[[], AbstractContextManager[Path]],
    model_digest: str,
    store: Store,
    progress: Progress,
    *,
    label: str,
) -> tuple[Stage, list[Record], list[Prediction]]:
    """The stage, the items and one prediction an item, in order.

    Args:
        task: supplies prompt and generation limit.
        items: a JSON-lines file in the task's evaluation schema.
        model: opens the folder of the exported model; called only if the outputs are not stored yet.
        model_digest: identity of the model.
        store: where outputs are kept.
        progress: told of every batch.
        label: what to call the stage when showing progress.
    """
    records = read_items(items)
    key = {
        "model": model_digest,
        "items": digest.of_file(items),
        "task": [task.spec.id, task.version],
        "max_new_tokens": task.spec.max_new_tokens,
        "engine": inference.ENGINE,
    }

    def build(folder: Path) -> dict[str, Any]:
        journal = _Journal(folder / JOURNAL, [str(record["id"]) for record in records])

        def keep(answers: dict[int, Generation]) -> None:
            journal.append(answers)
            progress.update(label, len(journal.done), len(records), "items")

        progress.update(label, len(journal.done), len(records), "items")
        with model() as path:
            generations = inference.TransformersEngine(path).generate(
                [task.prompt(record) for record in records],
                max_new_tokens=task.spec.max_new_tokens,
                done=journal.done,
                on_answers=keep,
            )
        outputs = [_prediction(id_, g) for id_, g in zip(journal.ids, generations, strict=True)]
        (folder / PREDICTIONS).write_text("".join(p.model_dump_json() + "\n" for p in outputs), "utf-8")
        journal.path.unlink(missing_ok=True)
        return {"items": len(outputs), "tokens": sum(p.tokens for p in outputs)}

    stage = store.make("predictions", key, build, resumable=True)
    if not stage.reused:
        progress.end(label, f"{len(records)} items")
    return stage, records, [Prediction.model_validate(row) for row in read_items(stage.path / PREDICTIONS)]


class _Journal:
    """The answers of a stage that is being made, a line each. A line that a dying process left half is cut off."""

    def __init__(self, path: Path, ids: list[str]) -> None:
        self.path, self.ids = path, ids
        text = path.read_bytes() if path.is_file() else b""
        whole = text[: text.rfind(b"\n") + 1]
        path.write_bytes(whole)
        places = {id_: i for i, id_ in enumerate(ids)}
        kept = [Prediction.model_validate_json(line) for line in whole.splitlines()]
        self.done = {places[p.id]: Generation(p.output, p.tokens, p.truncated) for p in kept}

    def append(self, answers: dict[int, Generation]) -> None:
        """Write answers by the position of their item, and have them on the disk."""
        self.done |= answers
        with self.path.open("a", encoding="utf-8") as stream:
            stream.writelines(_prediction(self.ids[i], g).model_dump_json() + "\n" for i, g in answers.items())
            stream.flush()
            os.fsync(stream.fileno())


def _prediction(id_: str, generation: Generation) -> Prediction:
    return Prediction(id=id_, output=generation.text, tokens=generation.n_tokens, truncated=generation.truncated)
