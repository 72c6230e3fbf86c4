"""Checks of rewards, before anything is trained: gold answers earn them, answers of the model differ in them, and none
of the shortcuts that need no skill earns as much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from ftdojo.contract.task_spec import TaskSpec
from ftdojo.findings import Finding, Severity
from ftdojo.plain import plural
from ftdojo.training.grpo.reward import Output, Reward, Rewards
from ftdojo.training.grpo.rows import ItemRow

WHERE = "data program"
JUDGED, JUDGED_BY_CODE = 64, 8
"""Rows whose gold answers are judged, and how many where the scorer runs code."""
MOST = 0.5
"""From this share of wrong gold answers on, they are an error."""
CONSTANTS = 5
"""The most frequent gold answers, which are tried as answers to every prompt."""
LISTED = 50
"""The most frequent gold answers that are put into one text."""
NEAR = 0.05
"""An answer earns the most if its reward is this close to that of the gold answer, as a share of the range."""
EVERYWHERE = 0.9
"""A shortcut that earns the most on this share of the prompts is an error."""
SHOWN = 3
"""Shortcuts that a finding names."""
CHARS = 4
"""About how many characters a token has."""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A way to answer every prompt without the skill."""

    name: str
    text: Callable[[ItemRow], str]


@dataclass(frozen=True, slots=True)
class Tried:
    """What a shortcut earns."""

    name: str
    mean: float
    full: float
    """Share of the prompts on which it earns as much as the gold answer, 0 to 1."""


def check_golds(rows: Sequence[ItemRow], rewards: Rewards, most: int = JUDGED) -> Iterator[Finding]:
    """Check that the scorer calls the gold answers of about ``most`` rows right."""
    rewarded = [row for row in rows if row.item is not None]
    chosen = rewarded[:: max(1, len(rewarded) // most)]
    given = rewards.give([row.item for row in chosen], [_output(row.completion, 1) for row in chosen])
    wrong = [number for number, reward in enumerate(given) if not reward.right]
    if not wrong:
        return
    severity: Severity = "error" if len(wrong) >= MOST * len(given) else "warning"
    count = f"{len(wrong)} of {plural(len(given), 'gold answer')}"
    if any(given[number].failed for number in wrong):
        yield _finding("scorer_failed", f"the scorer fails on {count}", "correct the items, or the scorer", severity)
        return
    example = chosen[wrong[0]].completion[:80]
    message = f"the scorer does not call {count} right that were tried, e.g. {example!r}"
    yield _finding("gold_not_right", message, "write items whose answer the scorer can read", severity)


def find_shortcuts(rows: Sequence[ItemRow], spec: TaskSpec, limit: int) -> list[Shortcut]:
    """Return ways to answer the prompts of ``rows`` without the skill; ``limit`` is the longest answer, in tokens."""
    golds = [gold for gold, _ in Counter(row.completion for row in rows).most_common(LISTED)]

    def constant(name: str, text: str) -> Shortcut:
        return Shortcut(name, lambda row: text)

    return [
        constant("an empty answer", ""),
        *(constant(f"always {gold[:40]!r}", gold) for gold in golds[:CONSTANTS]),
        *(constant(f"the task's shortcut {one.name}", one.output) for one in spec.shortcuts),
        Shortcut("the prompt itself", lambda row: str(row.prompt[-1]["content"])),
        constant("all frequent answers together", "\n".join(golds)[: CHARS * limit]),
        constant("a very long answer", ("and so on " * limit)[: CHARS * limit]),
    ]


def try_shortcuts(rows: Sequence[ItemRow], shortcuts: Sequence[Shortcut], rewards: Rewards, limit: int) -> list[Tried]:
    """Return what each shortcut earns as the answer to these prompts; ``limit`` is the longest answer, in tokens."""
    ways = [*shortcuts, Shortcut("gold", lambda row: row.completion)]
    items = [row.item for _ in ways for row in rows]
    given = rewards.give(items, [_output(way.text(row), limit) for way in ways for row in rows])
    values = [reward.value for reward in given]
    *tried, golds = [values[at : at + len(rows)] for at in range(0, len(values), len(rows))]
    near = NEAR * (max(values) - min(values))
    return [
        Tried(way.name, fmean(own), fmean(a >= b - near for a, b in zip(own, golds, strict=True)))
        for way, own in zip(shortcuts, tried, strict=True)
    ]


def check_rewards(answers: Sequence[Sequence[Reward]], shortcuts: Sequence[Tried]) -> Iterator[Finding]:
    """Check the rewards of the model's answers, a group for each prompt, and compare them with what shortcuts earn."""
    every = [reward for group in answers for reward in group]
    if sum(reward.failed for reward in every) >= MOST * len(every):
        message = f"the scorer fails on {sum(reward.failed for reward in every)} of {plural(len(every), 'answer')}"
        yield _finding("scorer_failed", message, "correct the scorer")
        return
    mean, right = fmean(reward.value for reward in every), fmean(reward.right for reward in every)
    if all(reward.value == group[0].value for group in answers for reward in group):
        message = (
            f"in each of {plural(len(answers), 'group')} of {len(answers[0])} answers all have the same reward "
            f"(mean {mean:.2f}, {right:.0%} right): none is better than another, so there is nothing to learn"
        )
        fix = "use harder prompts" if right > MOST else "train with supervision first, or raise temperature"
        yield _finding("constant_reward", message, fix)
    ranked = sorted(shortcuts, key=lambda one: (one.full, one.mean), reverse=True)
    hacks = [one for one in ranked if one.full >= EVERYWHERE]
    if hacks:
        shown = "; ".join(f"{one.name} on {one.full:.0%}, mean {one.mean:.2f}" for one in hacks[:SHOWN])
        message = f"these answers need no skill, and are rewarded like the right one: {shown}. The model: {mean:.2f}"
        yield _finding("reward_shortcut", message, "change the scorer, or choose other rows")
        return
    above = sorted((one for one in ranked if one.mean > mean), key=lambda one: one.mean, reverse=True)
    if above:
        shown = "; ".join(f"{one.name}: {one.mean:.2f}" for one in above[:SHOWN])
        message = f"these answers need no skill, and earn more than the model does ({mean:.2f}): {shown}"
        fix = "balance the rows, or train with supervision first; watch top_output"
        yield _finding("reward_shortcut", message, fix, "warning")


def _output(text: str, limit: int) -> Output:
    return Output(text, min(limit, 1 + len(text) // CHARS), limit)


def _finding(code: str, message: str, fix: str, severity: Severity = "error") -> Finding:
    return Finding(code=code, severity=severity, message=message, where=WHERE, fix=fix)
