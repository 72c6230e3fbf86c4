"""Checks of preferences: pairs that teach nothing, contradict each other, or teach the length of an answer; labels that
are all the same, contradict each other, or are not balanced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

from ftdojo.contract.row import Row
from ftdojo.findings import Finding, Severity
from ftdojo.plain import plural
from ftdojo.training.dpo.config import KtoConfig
from ftdojo.training.dpo.judged import Judged, JudgedPair
from ftdojo.training.dpo.pairs import Pair

WHERE = "data program"
ENOUGH = 20
"""Fewer pairs than this may be alike by chance."""
SWAPPED = 0.2
"""From this share of contradicted pairs on, they are an error."""
LENGTHS = (0.8, 1.5)
"""Share of pairs whose one answer is longer, and how many times longer it is on average, from which on the length is
what is learned."""

BALANCED = (0.5, 3.0)
"""Total weight of good answers in multiples of that of bad ones. The paper of ``kto`` recommends 1 to 1.5."""


def check_pairs(rows: Sequence[Row]) -> Iterator[Finding]:
    """Check the answers of all pairs."""
    answers = [(row.turns[:-2], row.turns[-1].strip(), row.turns[-2].strip()) for row in rows]
    if equal := [number for number, (_, chosen, rejected) in enumerate(answers, start=1) if chosen == rejected]:
        message = (
            f"in {plural(len(equal), 'pair')} both answers are the same, e.g. row {equal[0]}: nothing is preferred"
        )
        yield _finding("equal_pair", message, "drop pairs whose answers are equal")
    known = set(answers)
    swapped = [
        number
        for number, (prompt, chosen, rejected) in enumerate(answers, start=1)
        if chosen != rejected and (prompt, rejected, chosen) in known
    ]
    if swapped:
        severity: Severity = "error" if len(swapped) >= SWAPPED * len(answers) else "warning"
        share = f"{len(swapped)} of {len(answers)} pairs"
        message = f"{share} contradict another one, which prefers the other answer, e.g. row {swapped[0]}"
        yield _finding("contradictory_pairs", message, "keep one order for each pair of answers", severity)


def check_lengths(pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Check that one of the answers is not mostly the longer one, by tokens; and that answers differ after the cut."""
    if cut := sum(pair.chosen == pair.rejected for pair in pairs):
        message = f"{cut} of {len(pairs)} pairs have the same tokens in both answers, up to where they are cut"
        fix = "raise max_length, or drop pairs whose answers differ only at their ends"
        severity: Severity = "error" if 2 * cut >= len(pairs) else "warning"
        yield _finding("equal_tokens", message, fix, severity)
    lengths = [(pair.chosen.label_tokens, pair.rejected.label_tokens) for pair in pairs]
    if len(lengths) < ENOUGH:
        return
    means = [fmean(length[side] for length in lengths) for side in (0, 1)]
    for side, name, other in ((0, "chosen", "rejected"), (1, "rejected", "chosen")):
        longer = fmean(length[side] > length[1 - side] for length in lengths)
        if longer >= LENGTHS[0] and means[side] >= LENGTHS[1] * means[1 - side]:
            message = (
                f"the {name} answer is longer than the {other} one in {longer:.0%} of the pairs: {means[side]:.0f} and "
                f"{means[1 - side]:.0f} tokens on average. Such pairs teach the length of an answer"
            )
            fix = "choose pairs of similar length, unless the length is what is preferred"
            yield _finding("length_bias", message, fix, "warning")


def check_labels(rows: Sequence[Judged]) -> Iterator[Finding]:
    """Check that there are good and bad answers, and that no answer to a prompt is both."""
    good = sum(row.good for row in rows)
    if good in (0, len(rows)):
        message = f"all {len(rows)} answers are labelled {'good' if good else 'bad'}: there is nothing to prefer"
        yield _finding("one_label", message, "write rows with both labels, or train on good answers with supervision")
        return
    answers = [(row.turns[:-1], row.turns[-1].strip(), row.good) for row in rows]
    known = set(answers)
    both = [number for number, (*answer, label) in enumerate(answers, start=1) if (*answer, not label) in known]
    if both:
        severity: Severity = "error" if len(both) >= SWAPPED * len(rows) else "warning"
        message = f"{len(both)} of {plural(len(rows), 'answer')} have both labels, e.g. row {both[0]}"
        yield _finding("contradictory_labels", message, "keep one label for each answer to a prompt", severity)


def check_balance(rows: Sequence[JudgedPair], config: KtoConfig) -> Iterator[Finding]:
    """Check that good and bad answers have about the same weight."""
    good = sum(row.good for row in rows)
    bad = len(rows) - good
    if not good or not bad:
        return
    ratio = config.desirable_weight * good / (config.undesirable_weight * bad)
    if not BALANCED[0] <= ratio <= BALANCED[1]:
        message = f"{plural(good, 'good answer')} and {bad} bad ones: the good ones have {ratio:.2g} times the weight"
        key, weight = ("desirable_weight", bad / good) if good < bad else ("undesirable_weight", good / bad)
        yield _finding("unbalanced_labels", message, f"set {key} to {weight:.2g}, and the other to 1", "warning")


def _finding(code: str, message: str, fix: str, severity: Severity = "error") -> Finding:
    return Finding(code=code, severity=severity, message=message, where=WHERE, fix=fix)
