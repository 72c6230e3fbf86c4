"""From stored outputs to scores and feedback. Pure: the same predictions always give the same numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ftdojo.contract.feedback import Distribution, ErrorSample, EvaluationFeedback
from ftdojo.contract.task_spec import Record
from ftdojo.episode import acceptance
from ftdojo.episode.even_draw import rank_positions
from ftdojo.plain import replace_surrogates
from ftdojo.schema import StrictModel
from ftdojo.tasks.scoring import by_subtask, score_of, summarize
from ftdojo.tasks.spec import ItemScore, Task

SAMPLES = 8
SAMPLE_CHARS = 1200


class Prediction(StrictModel):
    """One output of a model."""

    id: str
    output: str
    tokens: int
    truncated: bool
    """Whether generation was cut at the task's limit."""


def scores(task: Task, items: Sequence[Record], predictions: Sequence[Prediction]) -> list[ItemScore]:
    """The verdict on every item. An unparsed output that was cut is classed as ``truncated``, not as ``format``."""
    verdicts = task.scorer.score(items, [p.output for p in predictions])
    return [
        ItemScore(
            id=v.id,
            subtask=v.subtask,
            score=v.score,
            parsed=v.parsed,
            error="truncated" if v.error and p.truncated and not v.parsed else v.error,
            metrics=v.metrics,
        )
        for v, p in zip(verdicts, predictions, strict=True)
    ]


def feedback(
    task: Task, items: Sequence[Record], predictions: Sequence[Prediction], *, best: Sequence[ItemScore] | None
) -> EvaluationFeedback:
    """The evaluation level of feedback; ``best`` are the item scores of the best model so far."""
    verdicts = scores(task, items, predictions)
    groups = by_subtask(verdicts)
    return EvaluationFeedback(
        score=score_of(task, verdicts),
        parsed=_share_parsed(verdicts),
        subtasks={name: summarize(task, group).value for name, group in groups.items()},
        subtask_parsed={name: _share_parsed(group) for name, group in groups.items()},
        top_output_share=_top_output_share(verdicts, predictions),
        errors=dict(Counter(v.error for v in verdicts if v.error)),
        output_tokens=Distribution.of([p.tokens for p in predictions]),
        metrics=task.scorer.metrics(verdicts),
        to_best=acceptance.difference(task, verdicts, best) if best is not None else None,
        samples=_samples(task, items, predictions, verdicts),
    )


def _share_parsed(verdicts: Sequence[ItemScore]) -> float:
    return sum(v.parsed for v in verdicts) / len(verdicts)


def _top_output_share(verdicts: Sequence[ItemScore], predictions: Sequence[Prediction]) -> dict[str, float]:
    """Share of the most frequent output by sub-task."""
    outputs: dict[str, Counter[str]] = {}
    for verdict, prediction in zip(verdicts, predictions, strict=True):
        outputs.setdefault(verdict.subtask, Counter())[prediction.output.strip()] += 1
    return {name: counts.most_common(1)[0][1] / counts.total() for name, counts in outputs.items()}


def _samples(
    task: Task, items: Sequence[Record], predictions: Sequence[Prediction], verdicts: Sequence[ItemScore]
) -> list[ErrorSample]:
    """A few wrong outputs, drawn evenly over error classes, the same ones for the same predictions."""
    wrong = [i for i, v in enumerate(verdicts) if v.error]
    ranked = rank_positions([verdicts[i].error for i in wrong])
    chosen = [wrong[position] for _, position in sorted(ranked)[:SAMPLES]]
    return [
        ErrorSample(
            id=verdicts[i].id,
            subtask=verdicts[i].subtask,
            prompt=_shown("\n".join(turn["content"] for turn in task.prompt(items[i]))),
            output=_shown(predictions[i].output),
            error=verdicts[i].error or "",
        )
        for i in chosen
    ]


def _shown(text: str) -> str:
    return replace_surrogates(text[:SAMPLE_CHARS])
