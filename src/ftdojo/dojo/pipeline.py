"""From a submission to predictions: gates, rows, training, evaluation. Every stage is a function of content digests
and lives in the store, so no work is done twice and a killed run loses at most the stage that it was in."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ftdojo import inference, sandbox, training
from ftdojo.dojo import data_program, gates
from ftdojo.dojo.evaluation import Prediction
from ftdojo.dojo.feedback import DataFeedback, StageSeconds, TrainingFeedback
from ftdojo.dojo.progress import Progress
from ftdojo.dojo.submission import Submission, load
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.rawdata import TaskData, read_items
from ftdojo.record import Home, Stage, Store, digest
from ftdojo.tasks.spec import Record, Task

ROWS = "rows.jsonl"
PREDICTIONS = "predictions.jsonl"
TRIAL_ROWS = 32


@dataclass(kw_only=True)
class Outcome:
    """How far a submission got. Filled stage by stage; whatever is there was really done."""

    findings: list[Finding] = field(default_factory=list)
    seconds: StageSeconds = field(default_factory=StageSeconds)
    reused: list[str] = field(default_factory=list)
    reused_s: float = 0.0
    """What the reused stages cost when they were made."""
    digests: dict[str, str] = field(default_factory=dict)
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
        self.seconds = self.seconds.model_copy(update={name: getattr(self.seconds, name) + stage.seconds})
        self.digests[name] = stage.digest
        if stage.reused:
            self.reused.append(name)
            self.reused_s += stage.seconds


class Pipeline:
    """The stages of one task on one base model."""

    def __init__(  # noqa: PLR0913
        self, task: Task, data: TaskData, base: Path, base_digest: str, *, home: Home, progress: Progress
    ) -> None:
        self._task, self._data, self._base, self._base_digest = task, data, base, base_digest
        self._store = Store(home.stages)
        self._progress = progress

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
            outcome.findings += gates.static(submission, self._task.spec, self._base, self._data.raw)
            rows = self._rows(submission, outcome)
            tokenized = self._tokenize(rows, submission, outcome)
            self._train(tokenized, submission, outcome, (remaining or {}).get("wall_s"))
            self._predict(outcome)
        except InputError as error:
            outcome.findings += error.findings
        return outcome

    def baseline(self) -> Outcome:
        """The untouched base model on validation."""
        outcome = Outcome()
        self._predict(outcome)
        return outcome

    def export(self, outcome: Outcome, folder: Path) -> None:
        """Write the merged model of an outcome to ``folder``, which plain transformers can load."""
        if outcome.trained is None:
            raise ValueError("nothing was trained")
        training.export(self._base, outcome.trained, folder)

    def _rows(self, submission: Submission, outcome: Outcome) -> list[dict[str, Any]]:
        program = submission.program
        text = program if isinstance(program, str) else program.model_dump_json()
        limit = self._task.spec.rules.max_rows
        key = {
            "program": digest.of_value(text),
            "limit": limit,
            **{name: self._data.digests[name] for name in ("raw", "validation", "test")},
        }

        def build(folder: Path) -> dict[str, Any]:
            trial = data_program.run(program, self._data.raw, limit=TRIAL_ROWS, limits=sandbox.Limits(wall_s=120))
            data_program.check(trial, self._data.overlap, max_rows=TRIAL_ROWS)
            written = data_program.run(program, self._data.raw, limit=limit, limits=sandbox.Limits())
            rows, report = data_program.check(written, self._data.overlap, max_rows=limit)
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            (folder / ROWS).write_text("".join(lines), "utf-8")
            return asdict(report)

        self._progress.update("data", 0, 1, "running the data program in the sandbox")
        stage = self._store.make("rows", key, build)
        self._progress.update("data", 1, 1, f"{stage.facts['rows']} rows")
        outcome.add("data", stage)
        return [dict(row) for row in read_items(stage.path / ROWS)]
