"""From a submission to predictions: gates, rows, training, evaluation. Every stage is a function of content digests
and lives in the store, so no work is done twice and a killed run loses at most the stage that it was in."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ftdojo import models
from ftdojo.contract import submission
from ftdojo.contract.progress import Progress
from ftdojo.contract.submission import Submission
from ftdojo.episode import levels
from ftdojo.episode.accounts import Accounts
from ftdojo.episode.outcome import Outcome
from ftdojo.episode.predict import predict
from ftdojo.episode.rows import ROWS, WRITTEN, read_rows, write_rows
from ftdojo.episode.setting import Setting
from ftdojo.episode.train_stage import MODEL, TrainStage
from ftdojo.errors import InputError
from ftdojo.gates import Gates, RejectedRowsError, dump_findings
from ftdojo.gateway import Access
from ftdojo.record import Stage, Store
from ftdojo.training import rows_key, trainer_of


class Stages:
    """The stages of one setting."""

    def __init__(
        self,
        setting: Setting,
        *,
        progress: Progress,
        accounts: Accounts | None = None,
        llm: Access | None = None,
    ) -> None:
        """``accounts``: of the run, if there is one. ``llm``: the models that data programs may ask, if any."""
        self._setting, self._progress, self._accounts, self._llm = setting, progress, accounts, llm
        self._gates = Gates(
            task=setting.task, data=setting.data, base=setting.base, engine=setting.options.engine, llm=llm
        )
        self._base_digest = models.digest(setting.base)
        self._store = Store(setting.home.stages)
        self._training = TrainStage(base=setting.base, gates=self._gates, store=self._store, progress=progress)
        self._baseline: Outcome | None = None

    def precheck(self, folder: Path) -> Outcome:
        """What gates 0 to 3 find in a submission, warnings included. Its rows stay in the store."""
        outcome = Outcome()
        try:
            admitted = self._admit(folder, outcome)
            rows = self._make_rows(admitted, outcome)
            if self._accounts:
                self._accounts.prepay(rows)
            written = read_rows(rows, WRITTEN, trainer_of(admitted.train))
            _, warnings = self._gates.check_tokens(written, admitted.train)
            outcome.findings += warnings
        except InputError as error:
            outcome.findings[:0] = error.findings
        return outcome

    def run(self, folder: Path, remaining: dict[str, float] | None = None, *, share: float = 1.0) -> Outcome:
        """Take a submission through all gates and stages; the first failing gate ends it with its findings.

        Args:
            folder: the submission.
            remaining: what is left of the budget; a training that is forecast to outlast it is not begun.
            share: of the rows to train on, 0 to 1. A training on a part is a trial itself: it skips gates 4 and 5.
        """
        outcome = Outcome()
        deadline = time.monotonic() + remaining["wall_s"] if remaining and "wall_s" in remaining else None
        try:
            self._finish(self._admit(folder, outcome), outcome, deadline=deadline, share=share)
        except InputError as error:
            outcome.findings[:0] = error.findings
        return outcome

    def repeat(self, folder: Path, *, stopped_after: int | None) -> Outcome:
        """A submission that was evaluated before: from the store, or made again if the store was emptied.

        It has passed gate 1, which would ask what memory is free now.

        Args:
            folder: the submission.
            stopped_after: the step after which the clock ended its training, if it did.
        """
        outcome = Outcome()
        reading = submission.read(folder)
        outcome.plan, outcome.submission = reading.plan, reading.submission
        self._finish(reading.require(), outcome, stopped_after=stopped_after)
        return outcome

    def baseline(self) -> Outcome:
        """The untouched base model on validation."""
        if self._baseline is None:
            outcome = Outcome()
            self._evaluate(outcome)
            self._baseline = outcome  # not before: an interrupted evaluation must not be taken for one
        return self._baseline

    def export(self, outcome: Outcome, folder: Path) -> None:
        """Write the merged model of an outcome to ``folder``, which plain transformers can load."""
        if outcome.trained is None or outcome.submission is None:
            raise ValueError("nothing was trained")
        trainer_of(outcome.submission.train).export(self._setting.base, outcome.trained, folder)

    def _admit(self, folder: Path, outcome: Outcome) -> Submission:
        """Gates 0 and 1."""
        reading = submission.read(folder)
        outcome.plan, outcome.submission = reading.plan, reading.submission
        if reading.submission:
            outcome.digests["submission"] = reading.submission.digest
        admitted, warnings = self._gates.admit(reading)
        outcome.findings += warnings
        return admitted

    def _finish(
        self,
        admitted: Submission,
        outcome: Outcome,
        *,
        deadline: float | None = None,
        stopped_after: int | None = None,
        share: float = 1.0,
    ) -> None:
        """All stages of a submission that was admitted."""
        with outcome.costs.refusal("data"):
            rows = self._make_rows(admitted, outcome, share)
        with outcome.costs.refusal("train"):
            self._train(rows, admitted, outcome, deadline=deadline, stopped_after=stopped_after, tried=share < 1)
        self._evaluate(outcome)

    def _make_rows(self, admitted: Submission, outcome: Outcome, share: float = 1.0) -> Stage:
        """Gate 2 and the training rows, or the first share of them."""
        program, task, data = admitted.program, self._setting.task, self._setting.data
        trainer = trainer_of(admitted.train)
        limit = task.spec.rules.max_rows
        if share < 1:
            limit = max(1, int(share * (limit if isinstance(program, str) else min(limit, program.max_rows))))
        llm = self._llm if isinstance(program, str) else None
        key = {
            "program": program if isinstance(program, str) else program.model_dump(mode="json"),
            "limit": limit,
            "task": [task.spec.id, task.version],
            **{name: data.digests[name] for name in ("raw", "validation", "test")},
            **(llm.key if llm else {}),
            **rows_key(trainer),
        }

        def build(folder: Path) -> dict[str, Any]:
            made = self._gates.make_rows(program, limit, trainer)
            write_rows(made.clean, folder / ROWS)
            if made.overlap:
                write_rows(made.written, folder / WRITTEN)
            return {
                "report": asdict(made.report),
                "overlap": made.overlap,
                "warnings": dump_findings(made.warnings),
            }

        self._progress.update("data", 0, 1, "running the data program in the sandbox")
        try:
            stage = self._store.make("rows", key, build)
        except RejectedRowsError as rejected:
            outcome.overlap = rejected.overlap
            raise
        if not stage.reused:
            self._progress.end("data", f"{stage.facts['report']['rows']} rows")
        outcome.overlap = stage.facts["overlap"]
        outcome.add("data", self._accounts.settle(stage) if self._accounts else stage)
        return stage

    def _train(
        self,
        rows: Stage,
        admitted: Submission,
        outcome: Outcome,
        *,
        deadline: float | None,
        stopped_after: int | None,
        tried: bool,
    ) -> None:
        """Gates 3 to 5 and the training; gate 3 alone if nothing has to be tried before."""

        def left_s() -> float | None:
            """What may be spent on the training: the evaluation has to fit into the budget, too."""
            return None if deadline is None else deadline - time.monotonic() - self.baseline().costs.seconds.evaluate

        config = admitted.train
        stage = self._training.make(rows, config, left_s=left_s, stopped_after=stopped_after, tried=tried)
        outcome.add("train", stage)
        outcome.trained = stage.path / MODEL
        outcome.data = levels.data(rows.facts["report"], stage.facts["tokens"])
        held_out = config.held_out(stage.facts["tokens"]["rows"])
        outcome.training = levels.training(stage.facts["training"], held_out_rows=held_out)
        if not stage.reused:
            self._progress.end("train", f"loss {outcome.training.train_loss:.3f}, {outcome.training.fit}")

    def _evaluate(self, outcome: Outcome) -> None:
        """Let the exported model answer the validation items; the base model, if nothing was trained."""
        trained, base = outcome.trained, self._setting.base

        @contextlib.contextmanager
        def exported() -> Iterator[Path]:
            with tempfile.TemporaryDirectory(prefix="ftdojo-export-") as folder:
                self.export(outcome, Path(folder))
                yield Path(folder)

        stage, _, outcome.predictions = predict(
            self._setting.task,
            self._setting.data.validation,
            exported if trained else lambda: contextlib.nullcontext(base),
            outcome.digests["train"] if trained else self._base_digest,
            self._store,
            self._progress,
            label="validation",
            engine=self._setting.options.engine,
        )
        outcome.add("evaluate", stage)
