"""Let a model answer a file of items. The outputs are a stage: the same model and items are never run twice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from ftdojo import inference
from ftdojo.dojo.evaluation import Prediction
from ftdojo.dojo.progress import Progress
from ftdojo.rawdata import read_items
from ftdojo.record import Stage, Store, digest
from ftdojo.tasks.spec import Record, Task

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
        with model() as path:
            engine = inference.TransformersEngine(path)
            generations = engine.generate(
                [task.prompt(record) for record in records],
                max_new_tokens=task.spec.max_new_tokens,
                on_progress=lambda done, total: progress.update(label, done, total, "items"),
            )
        outputs = [
            Prediction(id=str(record["id"]), output=g.text, tokens=g.n_tokens, truncated=g.truncated)
            for record, g in zip(records, generations, strict=True)
        ]
        (folder / PREDICTIONS).write_text("".join(p.model_dump_json() + "\n" for p in outputs), "utf-8")
        return {"items": len(outputs), "tokens": sum(p.tokens for p in outputs)}

    stage = store.make("predictions", key, build)
    if not stage.reused:
        progress.end(label, f"{len(records)} items")
    return stage, records, [Prediction.model_validate(row) for row in read_items(stage.path / PREDICTIONS)]
