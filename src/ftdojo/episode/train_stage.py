"""The training of a submission: gates 3 to 5, the training itself, and what the clock has cut."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ftdojo import digest, models
from ftdojo.contract.method_config import MethodConfig
from ftdojo.contract.progress import Progress
from ftdojo.contract.train_config import OUT_OF_TIME
from ftdojo.episode.rows import ROWS, WRITTEN, read_rows
from ftdojo.gates import Gates, at_gate, dump_findings, number_findings
from ftdojo.record import Stage, Store
from ftdojo.training import OnLog, TrainResult, model_key, resident_argument, start_argument

MODEL = "model"
TRAINING = 4
"""A fault of the whole training has the number of the gate that tries it."""
_RESULT = TypeAdapter(TrainResult)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainStage:
    """Makes trained models for the base model of its gates."""

    gates: Gates
    store: Store
    progress: Progress
    on_log: OnLog | None = None
    """Receives what a training logs."""

    def make(
        self,
        rows: Stage,
        config: MethodConfig,
        *,
        start: Stage | None,
        left_s: Callable[[], float | None],
        stopped_after: int | None,
        tried: bool,
    ) -> Stage:
        """The stage of a training: found in the store, or made.

        Args:
            rows: the stage of its rows.
            config: how to train.
            start: the stage of the training from whose weights this one starts; ``None`` for the base model.
            left_s: seconds that may be spent from now on; ``None`` for no limit.
            stopped_after: the step after which the clock ended the training that is repeated.
            tried: whether gates 4 and 5 are skipped, as the training is a trial itself or an ancestor passed them.

        Raises:
            InputError: if a gate fails, or the training.
        """
        trainer = self.gates.trainer(config)
        key: dict[str, Any] = {
            "rows": digest.of_file(rows.path / ROWS),
            **model_key(trainer, config),
            "base": models.digest(self.gates.base),
            "compute": str(models.compute()),
        }
        if start is not None:
            key["start"] = start.digest
        if stopped_after is not None:
            key["stopped_after"] = stopped_after
        weights = start.path / MODEL if start else None

        def build(folder: Path) -> dict[str, Any]:
            written = read_rows(rows, WRITTEN, trainer)
            tokenized, warnings = self.gates.check_tokens(written, config)
            if stopped_after is None and not tried:
                warnings += self.gates.try_training(written, tokenized, config, wall_left_s=left_s(), start=weights)
            examples = tokenized.examples
            if (rows.path / WRITTEN).exists():
                clean = read_rows(rows, ROWS, trainer)
                examples = trainer.tokenize(clean, self.gates.base, max_length=config.max_length).examples
            with at_gate(TRAINING):
                result = trainer.train(
                    examples,
                    config,
                    self.gates.base,
                    folder / MODEL,
                    on_log=self._on_log,
                    time_left_s=left_s(),
                    stop_after=stopped_after,
                    **start_argument(weights),
                    **resident_argument(trainer, self.gates.resident),
                )
            stopped = number_findings([result.stopped] if result.stopped else [], TRAINING)
            facts = {
                "training": _RESULT.dump_python(replace(result, stopped=None)),
                "tokens": asdict(tokenized.statistics),
                "warnings": dump_findings([*warnings, *stopped]),
            }
            if stopped and stopped[0].code == OUT_OF_TIME and stopped_after is None:
                raise _TimeUp(result.steps, folder / MODEL, facts)
            return facts

        self.progress.update("train", 0, 1, "tokenizing, then a micro-training")
        begun = time.monotonic()
        try:
            return self.store.make("models", key, build)
        except _TimeUp as up:
            # What the clock has cut is no function of its inputs alone, so it is kept under the step where it ended.
            key["stopped_after"] = up.step
            return self.store.make("models", key, up.build, spent_s=time.monotonic() - begun)

    def _on_log(self, log: dict[str, float]) -> None:
        if self.on_log is not None:
            self.on_log(log)
        self.progress.update(
            "train", log["step"], log["steps"], f"loss {log['loss']:.3f}, {log['tokens_per_s']:.0f} tokens/s"
        )


class _TimeUp(Exception):  # noqa: N818 - no error: it carries a training that the clock ended out of its stage
    def __init__(self, step: int, weights: Path, facts: dict[str, Any]) -> None:
        super().__init__()
        self.step, self._facts = step, facts
        self._kept = tempfile.TemporaryDirectory(prefix="ftdojo-stopped-")
        shutil.copytree(weights, Path(self._kept.name, MODEL))

    def build(self, folder: Path) -> dict[str, Any]:
        """Fill a stage of its own with it."""
        shutil.move(Path(self._kept.name, MODEL), folder / MODEL)
        self._kept.cleanup()
        return self._facts
