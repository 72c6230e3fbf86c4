"""The report of a judgement: what the judge says, and what follows from it, given the judge's own errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from ftdojo.contract.task_spec import Record
from ftdojo.judge.scorer import JudgeScorer
from ftdojo.stats import Agreement, corrected_mean
from ftdojo.tasks import scoring
from ftdojo.tasks.scoring import ScoreReport


class JudgeFacts(BaseModel):
    """Who judged, how well, and what it cost."""

    model_config = ConfigDict(frozen=True)

    model: str
    server: str
    """Empty for the provider's own."""
    right: int
    """Right outputs among those that a person has judged."""
    accepted: int
    """Those of them that the judge accepts."""
    wrong: int
    """Wrong outputs among those that a person has judged."""
    rejected: int
    """Those of them that the judge rejects."""
    sensitivity: float
    """``accepted / right``."""
    specificity: float
    """``rejected / wrong``."""
    input_tokens: int
    """Of all calls in the file of replies."""
    output_tokens: int
    cost_usd: float
    """In dollars, by public prices; 0 for models without one."""


class JudgedReport(ScoreReport):
    """The output of ``ftdojo judge --json``: ``value`` and ``interval`` are those of the judge's verdicts as they are.

    ``ftdojo compare`` reads it. Its metric names the judge, so only verdicts of the same judge are compared.
    """

    corrected: float
    """The share of right outputs, in per cent, corrected for the judge's errors."""
    corrected_interval: tuple[float, float]
    """It counts the items and the outputs on which the judge was calibrated."""
    judge: JudgeFacts


def report(scorer: JudgeScorer, known: Agreement, items: Sequence[Record], outputs: Sequence[str]) -> JudgedReport:
    """Judge ``outputs[i]`` as the answer to ``items[i]``, and correct the share of right ones.

    Args:
        scorer: the judge.
        known: how it agrees with people.
        items: with ids, in the task's evaluation schema.
        outputs: one for each item.

    Raises:
        InputError, LlmError: as :meth:`JudgeScorer.score`.
    """
    metric = f"judged_right_{scorer.judge.identity}"
    spec = replace(scorer.task.spec, metric=metric, higher_is_better=True, best_value=100.0, pooled=False)
    judged = scoring.score(replace(scorer.task, spec=spec, scorer=scorer), items, outputs)
    strata = [item.subtask for item in judged.items]
    corrected = corrected_mean([item.score for item in judged.items], strata, known).scaled(100.0)
    spent = scorer.replies.spent
    return JudgedReport(
        **judged.model_dump(),
        corrected=corrected.value,
        corrected_interval=(corrected.low, corrected.high),
        judge=JudgeFacts(
            model=scorer.judge.model,
            server=scorer.judge.server,
            right=known.right,
            accepted=known.accepted,
            wrong=known.wrong,
            rejected=known.rejected,
            sensitivity=known.sensitivity,
            specificity=known.specificity,
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
            cost_usd=spent.cost_usd,
        ),
    )
