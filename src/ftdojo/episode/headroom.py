"""What drawing samples could bring: how often a model is right in one of several tries, and in one.

It is measured on a few raw rows, with their right answers, and never on evaluation items. Only runs whose data programs
may ask the run's own models measure it: the base model before the run, and each model that is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftdojo.contract.call import MAX_TOKENS, SELF, Call
from ftdojo.contract.feedback import SampledRows
from ftdojo.contract.progress import Progress
from ftdojo.contract.recipe import Sample
from ftdojo.contract.train_config import TrainConfig
from ftdojo.episode.outcome import Outcome
from ftdojo.episode.own_models import serve_base, serve_trained
from ftdojo.episode.setting import Setting
from ftdojo.episode.trivial import documented_recipe
from ftdojo.errors import InputError
from ftdojo.gates import data_program
from ftdojo.gateway import Access, DataLlm
from ftdojo.inference.own_model import OwnModel
from ftdojo.record import Stage, Store
from ftdojo.training import trainer_of

ROWS, SAMPLES = 24, 4
"""Raw rows that are asked, and samples of each."""
AT_ONCE = 32
"""Samples that are drawn together."""
MOST_TOKENS = 256
"""Tokens of a sample's answer at most, without its reasoning: every accepted model is measured."""
HEADROOM = "headroom"


@dataclass(frozen=True, slots=True)
class Headroom:
    """Measures the models of one run."""

    setting: Setting
    progress: Progress
    allowed: bool
    """Whether data programs may ask the run's own models."""

    def of_base(self) -> SampledRows | None:
        """Measure the base model. Nothing is charged."""
        setting = self.setting
        return _read(self._measure(serve_base(setting), setting.digests["model"])) if self.allowed else None

    def of(self, outcome: Outcome) -> SampledRows | None:
        """Measure a trained model. The time is charged as evaluation."""
        if not self.allowed:
            return None
        assert outcome.submission is not None
        assert outcome.trained is not None
        identity = outcome.digests["train"]
        model = serve_trained(self.setting, outcome.submission.train, outcome.trained, identity)
        stage = self._measure(model, identity)
        outcome.add(HEADROOM, stage, account="evaluate")
        return _read(stage)

    def _measure(self, model: OwnModel, identity: str) -> Stage:
        setting, task = self.setting, self.setting.task
        tokens = limit_tokens(task.spec.max_new_tokens, setting.options.reasoning_tokens)
        recipe = documented_recipe(task.spec, ROWS, Sample(samples=SAMPLES, max_tokens=tokens, keep=0))
        key = {
            "task": [task.spec.id, task.version],
            "raw": setting.data.digests["raw"],
            "model": identity,
            "recipe": recipe.key,
        }
        access = Access(
            llm=DataLlm(models={SELF: model}, concurrency=AT_ONCE),
            task=setting.options.task,
            variant=setting.variant,
            home=setting.home,
            log=_Uncharged(),
            progress=self.progress,
        )

        def build(_: Path) -> dict[str, Any]:
            raw, trainer = setting.data.raw, trainer_of(TrainConfig())
            try:
                made = data_program.run(recipe, raw, trainer, limit=ROWS, limits=access.limits(), llm=access)
            except InputError as error:  # such as rows that are no items of the scorer
                return {"sampled": None, "why": error.message}
            return {"sampled": made.sampled}

        self.progress.update("sample", 0, 1, f"{SAMPLES} answers to each of {ROWS} raw rows")
        return Store(setting.home.stages).make(HEADROOM, key, build)


def limit_tokens(task: int, reasoning: int) -> int:
    """Return the most tokens of a sample.

    Args:
        task: of an answer to the task, with its reasoning.
        reasoning: how many of them are for reasoning.
    """
    return min(min(task - reasoning, MOST_TOKENS) + reasoning, MAX_TOKENS)


def _read(stage: Stage) -> SampledRows | None:
    found = stage.facts["sampled"]
    return None if found is None else SampledRows.model_validate(found)


class _Uncharged:
    """A log of calls that are the environment's own."""

    def append(self, call: Call) -> None:
        """Record nothing."""

    def remaining(self) -> dict[str, float]:
        """Return no limit."""
        return {}
