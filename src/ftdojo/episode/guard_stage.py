"""The answers of models to the items of the guard tasks. They are stages of the store, like those to validation."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from functools import cache

from ftdojo.contract.progress import Progress
from ftdojo.contract.result import GuardScore, GuardTrivial, Score
from ftdojo.episode import evaluation, trivial
from ftdojo.episode.guard import STAGE, compare_with_base
from ftdojo.episode.outcome import Outcome
from ftdojo.episode.predict import OpenEngine, predict
from ftdojo.episode.setting import Setting
from ftdojo.record import Store
from ftdojo.tasks.scoring import summarize
from ftdojo.tasks.spec import ItemScore


class GuardStage:
    """Lets models answer the guard tasks of one setting, the base model first."""

    def __init__(self, *, setting: Setting, store: Store, progress: Progress) -> None:
        self._setting, self._store, self._progress = setting, store, progress
        self._base: dict[str, list[ItemScore]] = {}

    @property
    def base_scores(self) -> dict[str, Score]:
        """What the base model scores on each guard task."""
        return {
            guard.id: Score.of(guard.task.spec.metric, summarize(guard.task, self._base[guard.id]))
            for guard in self._setting.guards
        }

    def measure_base(self, outcome: Outcome, model: OpenEngine, identity: str) -> None:
        """Let the base model answer. The stages are added to its outcome.

        Args:
            outcome: of the base model.
            model: opens an engine on it.
            identity: the digest of the model.
        """
        self._base = self._answer(outcome, model, identity)

    def measure_trivial(self) -> dict[str, GuardTrivial]:
        """Return what answers without any training score on each guard task, and whether the base model is better. The
        base model must have answered. Nothing is charged."""
        found = {}
        setting = self._setting
        for guard in self._setting.guards:
            with guard.asked() as data:
                measured = trivial.measure(
                    guard.task,
                    data,
                    setting.base,
                    self._store,
                    self._progress,
                    split="validation",
                    engine=setting.options.engine,
                    resident=setting.resident,
                )
            gap = measured.constants.compare(guard.task, self._base[guard.id])
            found[guard.id] = GuardTrivial(answers=measured.answers, to_constant=gap)
        return found

    def compare(self, outcome: Outcome, model: OpenEngine, identity: str) -> list[GuardScore]:
        """Let another model answer, and compare it with the base model. The stages are added to its outcome, and
        charged as evaluation. Arguments as for :meth:`measure_base`."""
        verdicts, margin = self._answer(outcome, model, identity), self._setting.options.guard_margin
        return [
            compare_with_base(guard.task, verdicts[guard.id], self._base[guard.id], margin)
            for guard in self._setting.guards
        ]

    def _answer(self, outcome: Outcome, model: OpenEngine, identity: str) -> dict[str, list[ItemScore]]:
        """Return the verdicts on the answers by the task's id. The model is opened once, and not if all is stored."""
        found = {}
        with ExitStack() as opened:
            engine = cache(lambda: opened.enter_context(model()))
            for guard in self._setting.guards:
                stage, items, predictions = predict(
                    guard.task,
                    guard.data.validation,
                    lambda: nullcontext(engine()),
                    identity,
                    self._store,
                    self._progress,
                    label=f"{STAGE}{guard.id}",
                    engine=self._setting.options.engine,
                    schedule=guard.schedule,
                )
                outcome.add(f"{STAGE}{guard.id}", stage, account="evaluate")
                found[guard.id] = evaluation.scores(guard.task, items, predictions)
        return found
