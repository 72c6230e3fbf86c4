"""Format numbers, and text that is not trusted, for reports.

Data, models and agents can put anything into a string. Before a string is shown it is cut to a length, and
characters with an effect are removed: terminal sequences, controls, and marks that change the text direction.
"""

from __future__ import annotations

from ftdojo.contract.feedback import Interval
from ftdojo.contract.result import Gap, GuardScore, GuardTrivial, JudgeAgreement, Score, TrivialAnswers
from ftdojo.plain import plural, remove_controls

SPACE = "\N{NO-BREAK SPACE}"
"""Keeps a number and its unit, and an interval, on one line."""


def clean(text: str, limit: int) -> str:
    """Return at most ``limit`` characters of ``text``; active ones are dropped or shown as U+FFFD, cut ones counted."""
    shown = remove_controls(text[:limit])
    hidden = len(text) - limit
    return f"{shown}… ({hidden:,} more characters)" if hidden > 0 else shown


def line(text: str, limit: int) -> str:
    """``text`` as one line of at most ``limit`` characters."""
    words = " ".join(clean(text[: 4 * limit], 4 * limit).split())
    return words if len(words) <= limit else f"{words[: limit - 1]}…"


def markdown(given: str) -> str:
    """Return ``given`` as one line without active Markdown or HTML."""
    kept = line(given, 600)
    for mark in "\\`*_[]<>|#$":
        kept = kept.replace(mark, f"\\{mark}")
    return kept


def unit(metric: str) -> str:
    """Return the unit of a value. By the convention of :class:`ftdojo.tasks.spec.TaskSpec` accuracies are per cent."""
    return f"{SPACE}%" if metric.endswith("accuracy") else ""


def number(value: float, metric: str, *, sign: bool = False) -> str:
    """A value of a metric without its unit: accuracies to a tenth of a point, others to about three digits."""
    decimals = 1 if unit(metric) or abs(value) >= 10 else 2
    return f"{value:{'+' if sign else ''}.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def interval(low: float, high: float, metric: str, *, sign: bool = False) -> str:
    """``[5.2, 12.9]``."""
    return f"[{number(low, metric, sign=sign)},{SPACE}{number(high, metric, sign=sign)}]"


def score(given: Score) -> str:
    """``8.5 % [5.2, 12.9]``; of a judged task ``8.5 % [5.2, 12.9], corrected 9.1 % [4.8, 14.0]``."""
    shown = _value(given.value, given.interval, given.metric)
    corrected = given.corrected
    return f"{shown}, corrected {_value(corrected.value, corrected.interval, given.metric)}" if corrected else shown


def judged(given: JudgeAgreement) -> str:
    """How far a judge agrees with people."""
    return (
        f"{given.model}: accepts {given.accepted} of {plural(given.right, 'right output')}, rejects {given.rejected} "
        f"of {plural(given.wrong, 'wrong one')}"
    )


def _value(value: float, between: tuple[float, float], metric: str) -> str:
    return f"{number(value, metric)}{unit(metric)} {interval(*between, metric)}"


def difference(given: Interval, metric: str) -> str:
    """``+52.5 [+44.1, +60.9]``, in points where the metric is per cent."""
    return f"{number(given.value, metric, sign=True)} {interval(given.low, given.high, metric, sign=True)}"


def share(given: float) -> str:
    """A share from 0 to 1 as ``8.2 %``."""
    return f"{100 * given:.1f}{SPACE}%"


def duration(seconds: float) -> str:
    """``8.4 s``, ``12 min 30 s``, ``3 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"


def time(stamp: str) -> str:
    """An ISO 8601 time in UTC to the minute: ``2026-01-31 12:05 UTC``."""
    return f"{stamp[:10]} {stamp[11:16]} UTC"


def trivial(answers: TrivialAnswers, name: str) -> str:
    """A trivial answer in words; ``name``: a key of :attr:`TrivialAnswers.scores`."""
    if name == "few_shot":
        return f"the base model with {plural(answers.shots, 'example')} in its prompt"
    if name == "majority" and answers.subtasks:
        return "the best constant of each sub-task"
    return f"always answering {line(answers.constant_output, 24) or 'nothing'}"


def trivial_scores(
    validation: TrivialAnswers | None, test: TrivialAnswers | None
) -> list[tuple[str, Score | None, Score | None]]:
    """What answers without any training score, by their words, on validation and on test. The constants may differ
    between the two: those on validation are chosen without gold answers."""
    measured = [answers for answers in (validation, test) if answers]
    names = dict.fromkeys(name for answers in measured for name in answers.scores)
    words = dict.fromkeys(trivial(a, name) for name in names for a in measured if name in a.scores)
    on_validation, on_test = (
        {trivial(answers, name): score for name, score in answers.scores.items()} if answers else {}
        for answers in (validation, test)
    )
    return [(said, on_validation.get(said), on_test.get(said)) for said in words]


def score_of(given: Score | None, items: int | None) -> str:
    """A score, empty if there is none; with the number of its items if it has others than ``items``."""
    if given is None:
        return ""
    return score(given) + (f", {plural(given.n, 'item')}" if given.n != items else "")


def without_training(given: GuardTrivial | None) -> list[tuple[str, Score]]:
    """What answers without any training score on a guard task, by their words. Older builds did not measure it."""
    if given is None:
        return []
    return [(trivial(given.answers, name), score) for name, score in given.answers.distinct.items()]


def guarded(given: GuardScore) -> str:
    """What a model keeps of a guard task: ``-1.2 points [-4.0, +1.6], kept``."""
    low, high = given.interval
    shown = f"{given.difference:+.1f} points [{low:+.1f},{SPACE}{high:+.1f}], {given.verdict}"
    return shown.replace("-", "\N{MINUS SIGN}")


def learned(best: int, answers: TrivialAnswers | None, gap: Gap | None, *, forgotten: bool = False) -> str:
    """What the best model of a run is shown to be better than, on the test items.

    Args:
        best: number of the best iteration; 0 is the base model.
        answers: what answers without any training score on test, if that was measured.
        gap: the difference to the best of them.
        forgotten: whether a submission was rejected because of a guard task.
    """
    if not best and forgotten:
        return "nothing was shown to be better than the base model and to keep the guard tasks"
    if not best:
        return "nothing was shown to be better than the base model"
    if gap is None or answers is None:
        return "better than the base model on validation"
    rival = trivial(answers, gap.to)
    if gap.better:
        return f"better than the base model, and than {rival}"
    return f"better than the base model, but not shown to be better than {rival}"
