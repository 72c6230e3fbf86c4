"""From a submission to predictions: gates, rows, training, evaluation. Every stage is a function of content digests
and lives in the store, so no work is done twice and a killed run loses at most the stage that it was in."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from ftdojo import digest, models
from ftdojo.contract import submission
from ftdojo.contract.method_config import BASE
from ftdojo.contract.progress import Progress
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import GuardScore
from ftdojo.contract.submission import RECIPE_DIGEST, Submission
from ftdojo.episode import levels
from ftdojo.episode.accounts import Accounts
from ftdojo.episode.ancestry import NO_ITERATIONS, Ancestry
from ftdojo.episode.evaluate_stage import EvaluateStage, Reference
from ftdojo.episode.guard_stage import GuardStage
from ftdojo.episode.outcome import Outcome
from ftdojo.episode.own_models import asks_start, serve_start
from ftdojo.episode.predict import OpenEngine
from ftdojo.episode.rows import WRITTEN, read_rows
from ftdojo.episode.rows_stage import RowsStage
from ftdojo.episode.setting import Setting
from ftdojo.episode.train_stage import MODEL, TrainStage
from ftdojo.errors import InputError
from ftdojo.gates import RejectedRowsError, open_trained
from ftdojo.gateway import Access
from ftdojo.inference import ENGINES, open_engine
from ftdojo.record import Stage, Store
from ftdojo.training import OnLog, trainer_of


class Stages:
    """The stages of one setting."""

    def __init__(
        self,
        setting: Setting,
        *,
        progress: Progress,
        accounts: Accounts | None = None,
        llm: Access | None = None,
        ancestry: Ancestry | None = None,
        on_log: OnLog | None = None,
    ) -> None:
        """``accounts``, ``ancestry``: of the run, if there is one. ``llm``: the models that data programs may ask.
        ``on_log``: receives what a training logs."""
        self._setting, self._progress, self._accounts = setting, progress, accounts
        self._ancestry = ancestry or NO_ITERATIONS
        self._gates = setting.gates(llm)
        self._base_digest = models.digest(setting.base)
        self._store = Store(setting.home.stages)
        self._rows = RowsStage(setting=setting, gates=self._gates, store=self._store, progress=progress, llm=llm)
        self._training = TrainStage(gates=self._gates, store=self._store, progress=progress, on_log=on_log)
        self._evaluation = EvaluateStage(setting=setting, store=self._store, progress=progress)
        self.guards = GuardStage(setting=setting, store=self._store, progress=progress)
        self._baseline: Outcome | None = None

    def precheck(self, folder: Path) -> Outcome:
        """What gates 0 to 3 find in a submission, warnings included. Its rows stay in the store."""
        outcome, deadline = Outcome(), _deadline(self._accounts.remaining() if self._accounts else None)
        try:
            admitted, start = self._admit(folder, outcome)
            if asks_start(admitted):
                outcome.ancestors = self._ancestry.trace(start, self._train_again)
            rows = self._make_rows(admitted, outcome, deadline)
            if self._accounts:
                self._accounts.prepay(rows)
            written = read_rows(rows, WRITTEN, self._gates.trainer(admitted.train))
            _, warnings = self._gates.check_tokens(written, admitted.train)
            outcome.findings += warnings
        except InputError as error:
            outcome.findings[:0] = error.findings
        return outcome

    def run(
        self,
        folder: Path,
        remaining: dict[str, float] | None = None,
        *,
        share: float = 1.0,
        reference: Reference | None = None,
    ) -> Outcome:
        """Take a submission through all gates and stages; the first failing gate ends it with its findings.

        Args:
            folder: the submission.
            remaining: what is left of the budget; a training that is forecast to outlast it is not begun.
            share: of the rows to train on, 0 to 1. A training on a part is a trial itself: it skips gates 4 and 5.
            reference: returns the best model's verdicts on the validation items. If it is given, the evaluation stops
                as soon as it is clear that the submission is not shown to be better, if the run allows that.
        """
        outcome, deadline = Outcome(), _deadline(remaining)
        try:
            admitted, start = self._admit(folder, outcome)
            with outcome.costs.exempt():
                outcome.ancestors = self._ancestry.trace(start, self._train_again)
            self._ancestry.require_unchanged(outcome.ancestors)
            if deadline is not None:
                deadline -= outcome.costs.earlier_s
            self._finish(admitted, outcome, deadline=deadline, share=share, reference=reference)
        except InputError as error:
            outcome.findings[:0] = error.findings
        return outcome

    def repeat(self, folder: Path, *, stopped_after: int | None, start: int | None = None) -> Outcome:
        """A submission that was evaluated before: from the store, or made again if the store was emptied.

        It has passed gate 1, which would ask what memory is free now.

        Args:
            folder: the submission.
            stopped_after: the step after which the clock ended its training, if it did.
            start: the iteration from which its training started, unless that was the base model.
        """
        reading = submission.read(folder)
        outcome = Outcome(reading=reading, ancestors=self._ancestry.trace(start, self._train_again))
        self._finish(reading.require(), outcome, stopped_after=stopped_after)
        return outcome

    def baseline(self) -> Outcome:
        """The untouched base model on validation, and on the guard tasks."""
        if self._baseline is None:
            outcome = Outcome()
            self._evaluate(outcome, whole=True)
            self.guards.measure_base(outcome, *self._model(outcome))
            self._baseline = outcome  # not before: an interrupted evaluation must not be taken for one
        return self._baseline

    def guard(self, outcome: Outcome) -> list[GuardScore]:
        """What the model of an outcome keeps of the guard tasks. The time that it takes is charged as evaluation."""
        self.baseline()
        return self.guards.compare(outcome, *self._model(outcome))

    def _admit(self, folder: Path, outcome: Outcome) -> tuple[Submission, int | None]:
        """Gates 0 and 1; the iteration from which the training starts, unless that is the base model."""
        outcome.reading = reading = submission.read(folder)
        warm = reading.submission is not None and reading.submission.train.start != BASE
        starts = self._ancestry.starts() if warm else None
        if reading.submission:
            outcome.digests["submission"] = reading.submission.digest
        admitted, warnings = self._gates.admit(reading, starts)
        outcome.findings += warnings
        start = starts.resolve(admitted.train) if starts else None
        outcome.digests[RECIPE_DIGEST] = (
            admitted.but_seed if start is None else digest.of_value([admitted.but_seed, start])
        )
        return admitted, start

    def _train_again(self, iteration: Iteration, folder: Path, start: Stage | None) -> Stage:
        """The trained model of an earlier iteration: from the store, or made again if the store was emptied."""
        admitted = submission.read(folder).require()
        asked = serve_start(admitted, iteration.start, start, self._ancestry, self._setting)
        rows = self._rows.make(admitted, share=1.0, start=asked)
        stopped_after = iteration.feedback.stopped_after
        return self._training.make(
            rows, admitted.train, start=start, left_s=lambda: None, stopped_after=stopped_after, tried=False
        )

    def _finish(
        self,
        admitted: Submission,
        outcome: Outcome,
        *,
        deadline: float | None = None,
        stopped_after: int | None = None,
        share: float = 1.0,
        reference: Reference | None = None,
    ) -> None:
        """All stages of a submission that was admitted."""
        with outcome.costs.refusal("data"):
            rows = self._make_rows(admitted, outcome, deadline, share)
        with outcome.costs.refusal("train"):
            tried = share < 1 or self._ancestry.has_tried(admitted, outcome.ancestors)
            self._train(rows, admitted, outcome, deadline=deadline, stopped_after=stopped_after, tried=tried)
        self._evaluate(outcome, reference, whole=share < 1)

    def _make_rows(self, admitted: Submission, outcome: Outcome, deadline: float | None, share: float = 1.0) -> Stage:
        """Gate 2 and the training rows, or the first share of them."""
        try:
            number, trained = next(iter(outcome.ancestors.items()), (None, None))
            start = serve_start(admitted, number, trained, self._ancestry, self._setting)
            stage = self._rows.make(admitted, share=share, start=start, left_s=lambda: _seconds_to(deadline))
        except RejectedRowsError as rejected:
            outcome.overlap = rejected.overlap
            raise
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
            left = _seconds_to(deadline)
            return None if left is None else left - self.baseline().costs.seconds.evaluate

        config, start = admitted.train, next(iter(outcome.ancestors.values()), None)
        stage = self._training.make(rows, config, start=start, left_s=left_s, stopped_after=stopped_after, tried=tried)
        outcome.add("train", stage)
        outcome.trained = stage.path / MODEL
        outcome.data = levels.data(rows.facts["report"], stage.facts["tokens"])
        held_out = config.held_out(stage.facts["tokens"]["rows"])
        outcome.training = levels.training(stage.facts["training"], held_out_rows=held_out)
        if not stage.reused:
            self._progress.end("train", f"loss {outcome.training.train_loss:.3f}, {outcome.training.fit}")

    def _evaluate(self, outcome: Outcome, reference: Reference | None = None, *, whole: bool = False) -> None:
        """Let the trained model answer the validation items; the base model, if nothing was trained."""
        stage, outcome.predictions = self._evaluation.make(*self._model(outcome), whole=whole, reference=reference)
        outcome.add("evaluate", stage)

    def _model(self, outcome: Outcome) -> tuple[OpenEngine, str]:
        """What opens an engine on the trained model, and its identity; those of the base if nothing was trained."""
        setting, engine = self._setting, self._setting.options.engine
        if outcome.trained is None:
            return partial(open_engine, engine, setting.base, setting.resident), self._base_digest
        assert outcome.submission is not None
        trainer = trainer_of(outcome.submission.train)
        trained = partial(open_trained, ENGINES.load(engine), trainer, setting.base, outcome.trained, setting.resident)
        return trained, outcome.digests["train"]


def _deadline(remaining: Mapping[str, float] | None) -> float | None:
    """When the wall clock of a budget is over, in seconds of the monotonic clock; ``None`` if it has no such limit."""
    return time.monotonic() + remaining["wall_s"] if remaining and "wall_s" in remaining else None


def _seconds_to(deadline: float | None) -> float | None:
    return None if deadline is None else deadline - time.monotonic()
