"""The outcome of a run in sentences: the verdict, why it ended, and when test was opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ftdojo.contract.result import Score
from ftdojo.plain import plural
from ftdojo.record.events import AgentStopped, TestScored
from ftdojo.report import text


def verdict(
    validation: tuple[Score, Score] | None,
    scored: TestScored | None,
    outcomes: Counter[str],
    best: int,
    *,
    reasons: Sequence[str],
    forgotten: bool,
    higher_is_better: bool,
) -> str:
    """Describe the run in one or two sentences.

    Args:
        validation: base and best model on validation, if the base model was evaluated.
        scored: the scores on test, if it was opened.
        outcomes: the number of iterations by outcome.
        best: number of the best iteration; 0 is the base model.
        reasons: why it was disqualified; none if it was not.
        forgotten: whether an iteration was rejected because of a guard task.
        higher_is_better: of the metric.
    """
    if reasons:
        return f"The run was disqualified, and its model not scored on test: {'; '.join(reasons)}."
    if validation is None:
        return "The run is not finished: the base model has not been evaluated yet."
    aside = "" if higher_is_better else " (lower is better)"
    if scored is None:
        base = f"the base model's validation {validation[0].metric} is {text.score(validation[0])}"
        standing = (
            _describe_change("validation", *validation)
            if best
            else f"{_describe_no_gain(outcomes, forgotten=forgotten)}; {base}"
        )
        return f"The run is not finished. So far {standing}{aside}."
    if not best:
        opening = _describe_no_gain(outcomes, forgotten=forgotten)
        score = f"test {scored.baseline.metric} {text.score(scored.baseline)}{aside}"
        return f"{opening[0].upper()}{opening[1:]}, so the base model remains the best: {score}."
    sentence = f"{_describe_change('test', scored.baseline, scored.best)}{aside}"
    learned = text.learned(best, scored.trivial, scored.to_trivial)
    compared = f" The model is {learned}." if scored.to_trivial else ""
    return f"{sentence[0].upper()}{sentence[1:]}.{compared}"


def _describe_no_gain(outcomes: Counter[str], *, forgotten: bool) -> str:
    if not outcomes.total():
        return "no submission was made"
    if not outcomes["accepted"] + outcomes["rejected"]:
        return "no submission passed the gates"
    if forgotten:
        return "no submission was shown to be better than the base model on validation and to keep the guard tasks"
    return "no submission was shown to be better than the base model on validation"


def _describe_change(split: str, before: Score, after: Score) -> str:
    if after.value == before.value:
        return f"{split} {before.metric} stayed at {text.score(before)}"
    verb = "rose" if after.value > before.value else "fell"
    apart = before.interval[1] < after.interval[0] or after.interval[1] < before.interval[0]
    intervals = f"the 95{text.SPACE}% intervals {'do not overlap' if apart else 'overlap'}"
    return f"{split} {before.metric} {verb} from {text.score(before)} to {text.score(after)}; {intervals}"


def ending(stopped: AgentStopped | None) -> str:
    """Say why no further submission was tried."""
    if stopped is None:
        return "The agent has not stopped: the run is in progress, or it was interrupted and can be resumed."
    return f"The run stopped because {stopped.reason}."


def opening(opened: Sequence[str], test: tuple[Score, Score] | None) -> str:
    """Say when and how often test was opened."""
    if not opened:
        return "Test is sealed; it is opened once, after the agent has stopped."
    times = "once" if len(opened) == 1 else f"{len(opened)} times (grading was interrupted and begun again)"
    scored = (
        f"{plural(test[0].n, 'item')} {'was' if test[0].n == 1 else 'were'} scored" if test else "it was not scored"
    )
    return f"Test was opened {times}, at {', '.join(map(text.time, opened))}, after the agent had stopped; {scored}."
