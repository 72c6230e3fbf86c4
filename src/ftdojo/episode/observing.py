"""The observation of an agent: the task, measurements of machine and base model, and everything that it has tried."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ftdojo import models
from ftdojo.contract.data_profile import DataProfile
from ftdojo.contract.progress import Progress
from ftdojo.contract.protocol import Observation
from ftdojo.contract.result import TrivialAnswers
from ftdojo.contract.task_spec import Record
from ftdojo.data import profiled, read_items
from ftdojo.episode import evaluation, ladder, trivial
from ftdojo.episode.accounts import Accounts
from ftdojo.episode.headroom import Headroom
from ftdojo.episode.setting import Setting
from ftdojo.episode.speed import train_rows_per_s
from ftdojo.episode.stages import Stages
from ftdojo.judge import calibrate_first
from ftdojo.record import RunFolder, Store, events
from ftdojo.record.history import History


@dataclass(frozen=True, kw_only=True)
class Observer:
    """Makes the observations of one run. Its measurements are made once, and are not charged."""

    setting: Setting
    folder: RunFolder
    history: History
    stages: Stages
    accounts: Accounts
    headroom: Headroom
    progress: Progress

    @cached_property
    def items(self) -> list[Record]:
        """The validation items."""
        return read_items(self.setting.data.validation)

    @cached_property
    def profile(self) -> DataProfile:
        """The profile of the raw data, with tokens counted by the base model's tokenizer."""
        base = self.setting.base
        return profiled(
            self.setting.data, self.setting.home, count=models.token_counter(base), tokenizer=models.digest(base)
        )

    @cached_property
    def rows_per_s(self) -> float:
        """Training speed of this machine in rows per second."""
        return train_rows_per_s(self.setting, Store(self.setting.home.stages), self.progress)

    def measure(self) -> None:
        """Measure everything that the first observation needs, and record the base model's evaluation and what trivial
        answers score."""
        _, _ = self.profile, self.rows_per_s
        if self.history.baseline is None:
            agreement = calibrate_first(self.setting.task)
            outcome = self.stages.baseline()
            measured = evaluation.feedback(self.setting.task, self.items, outcome.predicted, best=None)
            guarded, easy = self.stages.guards.base_scores, self.stages.guards.measure_trivial()
            self.history.append(
                events.BaselineMeasured(
                    evaluation=measured,
                    digests=outcome.digests,
                    contents=outcome.contents,
                    trivial=self._measure_trivial(),
                    judge=agreement,
                    headroom=self.headroom.of_base(),
                    guard=guarded,
                    guard_trivial=easy,
                )
            )
            for task, score in guarded.items():
                self.progress.say(f"base model on the guard task {task}: {score}")
                if warning := easy[task].warning(task):
                    self.progress.say(f"warning: {warning}; name a guard task that the base model can do")

    def _measure_trivial(self) -> TrivialAnswers:
        setting = self.setting
        measured = trivial.measure(
            setting.task,
            setting.data,
            setting.base,
            Store(setting.home.stages),
            self.progress,
            split="validation",
            engine=setting.options.engine,
            resident=setting.resident,
        )
        return measured.answers

    def observe(self) -> Observation:
        """Return the observation that follows from the record."""
        run = self.history.require(events.RunBegun).configuration
        measured = self.history.require(events.BaselineMeasured)
        baseline = measured.evaluation
        history = self.history.iterations
        if run.ladder:
            history = ladder.hide_rejected(history, baseline)
        return Observation(
            task=self.setting.task.spec,
            raw_data=self.profile,
            model=models.describe(self.setting.base),
            baseline=baseline,
            trivial=measured.trivial,
            headroom=measured.headroom,
            train_rows_per_s=self.rows_per_s,
            evaluate_s=self.stages.baseline().costs.seconds.evaluate,
            history=history,
            best=self.history.best,
            submissions={i.number: self.folder.submission(i.number) for i in history},
            remaining=self.accounts.charged_remaining(),
            warm_start=run.warm_start,
            data_llm=run.data_llm,
            item_fields=sorted({name for item in self.items for name in item}),
            guard=measured.guard,
            guard_trivial=measured.guard_trivial,
            guard_margin=run.guard_margin,
            seed=run.seed,
        )
