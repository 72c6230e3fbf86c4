"""The evaluation of one model on the validation items: as a whole, or in parts until its outcome is clear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from ftdojo.contract.progress import Progress
from ftdojo.data import read_items
from ftdojo.episode import evaluation, sequential
from ftdojo.episode.evaluation import Prediction
from ftdojo.episode.predict import OpenEngine, Stop, predict
from ftdojo.episode.sequential import Schedule, schedule_for
from ftdojo.episode.setting import Setting
from ftdojo.record import Stage, Store
from ftdojo.tasks.spec import ItemScore

Reference = Callable[[], Sequence[ItemScore]]
"""Returns the best model's verdicts on all validation items."""


class EvaluateStage:
    """Makes the predictions of models on the validation items of one setting."""

    def __init__(self, *, setting: Setting, store: Store, progress: Progress) -> None:
        self._setting, self._store, self._progress = setting, store, progress

    @cached_property
    def schedule(self) -> Schedule | None:
        """In which parts submissions answer the items; ``None`` if all at once."""
        setting = self._setting
        return schedule_for(setting.task, read_items(setting.data.validation), sequential=setting.options.sequential)

    def make(
        self,
        model: OpenEngine,
        model_digest: str,
        *,
        whole: bool = False,
        reference: Reference | None = None,
    ) -> tuple[Stage, list[Prediction]]:
        """Return the stage and its predictions, in the order of the items.

        Args:
            model: opens an engine on the model.
            model_digest: identity of the model.
            whole: answer all items at once, as the base model and probes do.
            reference: if given, the evaluation stops as soon as it is clear that the model is not shown to be better.
        """
        schedule = None if whole else self.schedule
        stage, _, predictions = predict(
            self._setting.task,
            self._setting.data.validation,
            model,
            model_digest,
            self._store,
            self._progress,
            label="validation",
            engine=self._setting.options.engine,
            schedule=schedule,
            stop=self._stop(schedule, reference) if schedule and reference else None,
        )
        return stage, predictions

    def _stop(self, schedule: Schedule, reference: Reference) -> Stop:
        task = self._setting.task
        return lambda items, predictions: sequential.is_clear(
            task, schedule, evaluation.scores(task, items, predictions), reference()
        )
