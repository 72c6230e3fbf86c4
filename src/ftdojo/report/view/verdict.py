"""What came of a run, in sentences: the verdict, why it ended, and how test was opened."""

from __future__ import annotations

from collections.abc import Sequence

from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import Score
from ftdojo.record.events import AgentStopped
from ftdojo.report import text


def verdict(
    validation: tuple[Score, Score] | None,
    test: tuple[Score, Score] | None,
    iterations: Sequence[Iteration],
    best: int,
    *,
    higher_is_better: bool,
) -> str:
    """The run in one or two sentences."""
    if validation is None:
        return "The run is not finished: the base model has not been evaluated yet."
    aside = "" if higher_is_better else " (lower is better)"
    if test is None:
        base = f"the base model's validation {validation[0].metric} is {text.score(validation[0])}"
        standing = _moved("validation", *validation) if best else f"{_unbeaten(iterations)}; {base}"
        return f"The run is not finished. So far {standing}{aside}."
    if not best:
        opening = _unbeaten(iterations)
        scored = f"test {test[0].metric} {text.score(test[0])}{aside}"
        return f"{opening[0].upper()}{opening[1:]}, so the base model stands: {scored}."
    sentence = f"{_moved('test', *test)}{aside}"
    return f"{sentence[0].upper()}{sentence[1:]}."


def disqualified(reasons: Sequence[str]) -> str:
    """The verdict on a run whose model was not to be tested."""
    return f"The run was disqualified, and its model not scored on test: {'; '.join(reasons)}."


def _unbeaten(iterations: Sequence[Iteration]) -> str:
    if not iterations:
        return "no submission was handed in"
    if not any(i.score for i in iterations):
        return "no submission passed the gates"
    return "no submission was shown to be better than the base model on validation"


def _moved(split: str, before: Score, after: Score) -> str:
    if after.value == before.value:
        return f"{split} {before.metric} stayed at {text.score(before)}"
    verb = "rose" if after.value > before.value else "fell"
    apart = before.interval[1] < after.interval[0] or after.interval[1] < before.interval[0]
    intervals = f"the 95{text.SPACE}% intervals {'do not overlap' if apart else 'overlap'}"
    return f"{split} {before.metric} {verb} from {text.score(before)} to {text.score(after)}; {intervals}"


def ending(stopped: AgentStopped | None) -> str:
    """Why no further submission was tried."""
    if stopped is None:
        return "The agent has not stopped: the run is at work, or it was interrupted and can be resumed."
    if stopped.out_of_budget:
        return "The run stopped because its budget was used up."
    return "The run stopped because the agent had nothing further to propose."


def opening(opened: Sequence[str], test: tuple[Score, Score] | None) -> str:
    """How test was opened."""
    if not opened:
        return "Test is sealed; it is opened once, after the agent has stopped."
    times = "once" if len(opened) == 1 else f"{len(opened)} times (grading was interrupted and begun again)"
    scored = f"{test[0].n} items were scored" if test else "it was not scored"
    return f"Test was opened {times}, at {', '.join(map(text.time, opened))}, after the agent had stopped; {scored}."
