"""From a submission to predictions: gates, rows, training, evaluation. Every stage is a function of content digests
and lives in the store, so no work is done twice and a killed run loses at most the stage that it was in."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ftdojo import models, sandbox
from ftdojo.dojo import data_program, gates, levels
from ftdojo.dojo.evaluation import Prediction
from ftdojo.dojo.feedback import DataFeedback, TrainingFeedback
from ftdojo.dojo.predict import predict
from ftdojo.dojo.progress import Progress
from ftdojo.dojo.submission import Submission, load
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.rawdata import TaskData, read_items
from ftdojo.record import Home, Stage, Store
from ftdojo.record.result import StageSeconds
from ftdojo.tasks.spec import Task
from ftdojo.training import Row, TrainConfig, export, tokenize

ROWS = "rows.jsonl"
MODEL = "model"
SPEED_ROWS, SPEED_STEPS = 32, 4
SPEED_CHARS = 1000
"""A longer question is cut here: the measurement has to be short and to fit into any memory."""


@dataclass(kw_only=True)
class Outcome:
    """How far a submission got. Filled stage by stage; whatever is there was really done."""

    findings: list[Finding] = field(default_factory=list)
    seconds: StageSeconds = field(default_factory=StageSeconds)
    reused: list[str] = field(default_factory=list)
    reused_s: float = 0.0
    """What the reused stages cost when they were made."""
    digests: dict[str, str] = field(default_factory=dict)
    """Of the submission's files and, by what they were made from, of the stages."""
    contents: dict[str, str] = field(default_factory=dict)
    """Of the stages' own files."""
    data: DataFeedback | None = None
    training: TrainingFeedback | None = None
    trained: Path | None = None
    """The trained adapter or weights."""
    predictions: list[Prediction] | None = None

    @property
    def predicted(self) -> list[Prediction]:
        """The predictions of an outcome that is known to have them."""
        if self.predictions is None:
            raise ValueError(f"nothing was predicted: {self.findings}")
        return self.predictions

    def add(self, name: str, stage: Stage) -> None:
        """Account for a finished stage."""
        self.seconds = self.seconds.model_copy(update={name: stage.seconds})
        self.digests[name] = stage.digest
        self.contents[name] = stage.content
        if stage.reused:
            self.reused.append(name)
            self.reused_s += stage.seconds


class Pipeline:
    """The stages of one task on one base model."""

    def __init__(self, task: Task, data: TaskData, base: Path, *, home: Home, progress: Progress) -> None:
        self._task, self._data, self._base = task, data, base
        self._base_digest = models.digest(base)
        self._store = Store(home.stages)
        self._progress = progress
        self._paid: set[str] = set()
        """Stages that :meth:`check` has made: the clock charges them, so the submission that comes of it must not."""

    def check(self, folder: Path) -> list[Finding]:
        """What gates 0 to 3 find in a submission. Its rows stay in the store."""
        outcome = Outcome()
        try:
            submission = load(folder)
            gates.static(submission, self._task.spec, self._base, self._data.raw)
            rows = self._rows(submission, outcome)
            if not rows.reused:
                self._paid.add(rows.digest)
            gates.tokenization(read_items(rows.path / ROWS), submission.train, self._base)
        except InputError as error:
            return list(error.findings)
        return []

    def run(self, folder: Path, remaining: dict[str, float] | None = None) -> Outcome:
        """Take a submission through all gates and stages; the first failing gate ends it with its findings.

        Args:
            folder: the submission.
            remaining: what is left of the budget; a training that is forecast to outlast it is not begun.
        """
        outcome = Outcome()
        try:
            submission = load(folder)
            outcome.digests["submission"] = submission.digest
            gates.static(submission, self._task.spec, self._base, self._data.raw)
            rows = self._rows(submission, outcome)
            self._train(rows, submission, outcome, (remaining or {}).get("wall_s"))
            self._evaluate(outcome)
        except InputError as error:
            outcome.findings += error.findings
        return outcome

    def train_rows_per_s(self) -> float:
        """Rows as long as the task's questions that a LoRA training passes a second: measured once a machine."""
        key = {
            "base": self._base_digest,
            "compute": str(models.compute()),
            "validation": self._data.digests["validation"],
            "sizes": [SPEED_ROWS, SPEED_STEPS, SPEED_CHARS],
        }

        def build(folder: Path) -> dict[str, Any]:
            from ftdojo.training.trainer import train

            questions = [self._task.question(item) for item in read_items(self._data.validation)[:SPEED_ROWS]]
            rows = [Row(({"role": "user", "content": text[:SPEED_CHARS]},), "ok") for text in questions]
            config = TrainConfig(batch_size=SPEED_ROWS // SPEED_STEPS, epochs=1)
            examples = tokenize(rows, self._base, max_length=config.max_length).examples
            result = train(examples, config, self._base, folder)
            return {"rows_per_s": result.steady_tokens_per_s * len(examples) / sum(len(e.input_ids) for e in examples)}

        self._progress.update("speed", 0, 1, "a few steps of training, to measure the speed")
        stage = self._store.make("speed", key, build)
        self._progress.end("speed", f"{stage.facts['rows_per_s']:.1f} rows/s")
        return float(stage.facts["rows_per_s"])

    def baseline(self) -> Outcome:
        """The untouched base model on validation."""
        outcome = Outcome()
        self._evaluate(outcome)
        return outcome

    def export(self, outcome: Outcome, folder: Path) -> None:
        """Write the merged model of an outcome to ``folder``, which plain transformers can load."""
        if outcome.trained is None:
            raise ValueError("nothing was trained")
        export(self._base, outcome.trained, folder)

    def _rows(self, submission: Submission, outcome: Outcome) -> Stage:
        """Gate 2 and the training rows."""
        program, limit = submission.program, self._task.spec.rules.max_rows
        key = {
            "program": program if isinstance(program, str) else program.model_dump(mode="json"),
            "limit": limit,
            **{name: self._data.digests[name] for name in ("raw", "validation", "test")},
        }

        def build(folder: Path) -> dict[str, Any]:
            gates.data_trial(program, self._data)
            written = data_program.run(program, self._data.raw, limit=limit, limits=sandbox.Limits())
            rows, report = data_program.check(written, self._data.overlap, max_rows=limit)
            (folder / ROWS).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
            return asdict(report)

        self._progress.update("data", 0, 1, "running the data program in the sandbox")
        stage = self._store.make("rows", key, build)
        if not stage.reused:
            self._progress.end("data", f"{stage.facts['rows']} rows")
        paid = stage.digest in self._paid
        self._paid.discard(stage.digest)
        outcome.add("data", replace(stage, reused=stage.reused and not paid))
        return stage

    def _train(self, rows: Stage, submission: Submission, outcome: Outcome, wall_left_s: float | None) -> None:
        """Gates 3 and 4 and the training."""
        from ftdojo.training.trainer import train  # imports torch, which a run that finds all stages does not need

        config = submission.train
        key = {
            "rows": rows.digest,
            "config": config.model_dump(mode="json"),
            "base": self._base_digest,
            "compute": str(models.compute()),
        }

        def build(folder: Path) -> dict[str, Any]:
            tokenized = gates.tokenization(read_items(rows.path / ROWS), config, self._base)
            gates.micro_training(tokenized, config, self._base, wall_left_s)
            result = train(tokenized.examples, config, self._base, folder / MODEL, on_log=self._on_log)
            return {"training": asdict(result), "tokens": asdict(tokenized.statistics)}

        self._progress.update("train", 0, 1, "tokenizing, then a micro-training")
        stage = self._store.make("models", key, build)
        outcome.add("train", stage)
        outcome.trained = stage.path / MODEL
        outcome.data = levels.data(rows.facts, stage.facts["tokens"])
        outcome.training = levels.training(stage.facts["training"])
        if not stage.reused:
            self._progress.end("train", f"loss {outcome.training.train_loss:.3f}, {outcome.training.fit}")

    def _on_log(self, log: dict[str, float]) -> None:
        self._progress.update(
            "train", log["step"], log["steps"], f"loss {log['loss']:.3f}, {log['tokens_per_s']:.0f} tokens/s"
        )

    def _evaluate(self, outcome: Outcome) -> None:
        """Let the exported model answer the validation items; the base model, if nothing was trained."""
        trained = outcome.trained

        @contextlib.contextmanager
        def exported() -> Iterator[Path]:
            assert trained is not None
            with tempfile.TemporaryDirectory(prefix="ftdojo-export-") as folder:
                export(self._base, trained, Path(folder))
                yield Path(folder)

        stage, _, outcome.predictions = predict(
            self._task,
            self._data.validation,
            exported if trained else lambda: contextlib.nullcontext(self._base),
            outcome.digests["train"] if trained else self._base_digest,
            self._store,
            self._progress,
            label="validation",
        )
        outcome.add("evaluate", stage)
