"""Group relative policy optimization as a trainer. Only the code that trains imports torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, Unpack, cast

from ftdojo.contract.row import Row
from ftdojo.findings import Finding
from ftdojo.models import support
from ftdojo.models.architectures import runs_batched
from ftdojo.models.resident import Resident
from ftdojo.tasks.external import RunsCode
from ftdojo.training.backend import Grading, Tokenized, TrainOptions, TrainResult
from ftdojo.training.grpo.checks import JUDGED, JUDGED_BY_CODE, check_golds
from ftdojo.training.grpo.config import GrpoConfig
from ftdojo.training.grpo.reward import Rewards
from ftdojo.training.grpo.rows import FORM, ItemRow, Prompt, parse_item, tokenize_items
from ftdojo.training.sft.method import WeightsTrainer, peak_memory

REHEARSED_TOKENS, REHEARSED_STEPS = 32, 2
"""Of a trial, which shows that steps can be taken: longest answers, and most steps."""


class Grpo(WeightsTrainer[GrpoConfig, Prompt]):
    """Method ``grpo``."""

    config = GrpoConfig
    row_form = "item"
    row_help = f"set items to true in a recipe, or write {FORM}, in a data program process_data.py"
    inapplicable = frozenset({"not_reproduced", "answers_too_long"})

    def __init__(self) -> None:
        self._grading: Grading | None = None

    def bind(self, grading: Grading) -> Self:
        """Return the trainer of one task, whose scorer gives the rewards."""
        bound = type(self)()
        bound._grading = grading
        return bound

    @property
    def grading(self) -> Grading:
        """The task, if the trainer is bound to one."""
        if self._grading is None:
            raise TypeError("a trainer that learns from rewards must be bound to a task")
        return self._grading

    @property
    def task_key(self) -> dict[str, Any]:
        """The task's content, which decides prompts and rewards, and the longest answer."""
        spec, version = self.grading.task.spec, self.grading.task.version
        return {"task": [spec.id, version], "max_new_tokens": spec.max_new_tokens}

    # -- rows and checks -----------------------------------------------------------------------------------------

    def parse_row(self, row: Mapping[str, Any]) -> Row:
        """See :func:`ftdojo.training.grpo.rows.parse_item`."""
        return parse_item(row, self.grading.task)

    def check_config(self, config: GrpoConfig, base: Path) -> Iterator[Finding]:
        """Check that the model runs in batches, besides what all methods check."""
        yield from super().check_config(config, base)
        model = support.read_config(base)
        if not runs_batched(model):
            message = f"grpo needs a model that answers in batches, and {model.model_type} is not known to do so"
            fix = "choose another method, or another base model"
            yield Finding(code="unsupported_model", message=message, where="train.yaml: method", fix=fix)
        elif not runs_batched(model, config.max_length):
            message = f"rows of {config.max_length} tokens of this model cannot be in one batch with shorter ones"
            fix = "lower it to the length with which the model was trained first (original_max_position_embeddings)"
            yield Finding(code="unsupported_model", message=message, where="train.yaml: max_length", fix=fix)

    def check_rows(self, rows: Sequence[Row]) -> Iterator[Finding]:
        """Check that the scorer calls the gold answers right."""
        most = JUDGED_BY_CODE if isinstance(self.grading.task.scorer, RunsCode) else JUDGED
        with self._rewards(GrpoConfig()) as rewards:
            yield from check_golds(cast("Sequence[ItemRow]", rows), rewards, most)

    def tokenize(self, rows: Sequence[Row], base: Path, *, max_length: int) -> Tokenized[Prompt]:
        """See :func:`ftdojo.training.grpo.rows.tokenize_items`."""
        return tokenize_items(rows, base, max_length=max_length, limit=self.grading.task.spec.max_new_tokens)

    def try_rewards(
        self,
        examples: Sequence[Prompt],
        config: GrpoConfig,
        base: Path,
        start: Path | None,
        *,
        resident: Resident | None = None,
    ) -> Iterator[Finding]:
        """See :mod:`ftdojo.training.grpo.trial`."""
        from ftdojo.training.grpo.trial import try_rewards

        with self._rewards(config) as rewards:
            yield from try_rewards(
                examples, config, base, start, rewards, self.grading.task.spec, resident or Resident()
            )

    # -- forecasts and training ----------------------------------------------------------------------------------

    def memory(self, config: GrpoConfig, base: Path, examples: Sequence[Prompt] = ()) -> float:
        """Estimate the larger peak: that of learning from the longest answers to the longest prompts, or that of
        answering them."""
        from ftdojo.training.grpo.forecast import answering_memory, longest_groups, reference_memory

        kept = reference_memory(config, base)
        if not examples:
            return kept + peak_memory(config, base, ())
        answering = peak_memory(config, base, ()) + answering_memory(config, base, examples)
        return kept + max(peak_memory(config, base, longest_groups(config, examples)), answering)

    def forecast_s(
        self, examples: Sequence[Prompt], config: GrpoConfig, base: Path, *, resident: Resident | None = None
    ) -> float:
        """See :func:`ftdojo.training.grpo.forecast.forecast_rollouts`."""
        from ftdojo.training.grpo.forecast import forecast_rollouts
        from ftdojo.training.grpo.objective import make_objective

        with self._rewards(config) as rewards:
            return forecast_rollouts(examples, config, base, make_objective(config, rewards, base), resident)

    def train(
        self,
        examples: Sequence[Prompt],
        config: GrpoConfig,
        base: Path,
        out: Path,
        **options: Unpack[TrainOptions],
    ) -> TrainResult:
        """See :func:`ftdojo.training.sft.trainer.train`."""
        from ftdojo.training.grpo.objective import make_objective
        from ftdojo.training.sft.trainer import train

        with self._rewards(config) as rewards:
            return train(examples, config, base, out, objective=make_objective(config, rewards, base), **options)

    def trial(self, config: GrpoConfig, *, rows: int, steps: int) -> GrpoConfig:
        """Return a trial of fewer steps and shorter answers: it shows that steps can be taken, and no more."""
        tokens = min(REHEARSED_TOKENS, config.max_new_tokens or REHEARSED_TOKENS)
        made = super().trial(config, rows=rows, steps=min(steps, REHEARSED_STEPS))
        return made.model_copy(update={"max_new_tokens": tokens, "iterations": 1})

    @contextmanager
    def _rewards(self, config: GrpoConfig) -> Iterator[Rewards]:
        with self.grading.open() as scores:
            better = self.grading.task.spec.higher_is_better
            yield Rewards(scores, better, config.form_reward, config.length_penalty)
