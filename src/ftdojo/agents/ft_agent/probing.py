"""Probes: a few candidate plans are tried on a share of their rows, and the best one gets the full run.

Successive halving (Jamieson and Talwalkar 2016, arXiv 1502.07943): all candidates are trained on a small share, the
better half on twice that share, until one is left. A probe is evaluated on the whole validation set, so its score has
the noise of any other; it ranks plans, and never decides whether a model is accepted.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ftdojo.agents import draft as drafts
from ftdojo.agents import forecast
from ftdojo.agents.draft import Draft, Proposal
from ftdojo.agents.ft_agent.planner import Planner
from ftdojo.agents.setup import planner_name
from ftdojo.contract.protocol import Iteration, Observation, Probe
from ftdojo.contract.recipe import Recipe

FIRST_SHARE = 0.125
"""Of its rows, on which every candidate is trained first."""

Measure = Callable[[Path, float], Probe]
"""Trains the submission in a folder on a share of its rows, and evaluates it."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One round: a share of the rows, and what the candidates that were still in it scored."""

    share: float
    scores: Mapping[int, float | None]
    """Candidate -> score; ``None`` if its probe did not pass the gates."""


def halve(count: int, measure: Callable[[int, float], float | None], *, higher_is_better: bool) -> list[Rung]:
    """The rounds of a contest of ``count`` candidates; the winner is the first of :func:`ranked` of the last round.

    Args:
        measure: the score of a candidate on a share of its rows.
    """
    rungs: list[Rung] = []
    left, share = list(range(count)), FIRST_SHARE
    while len(left) > 1:
        rungs.append(Rung(share, {candidate: measure(candidate, share) for candidate in left}))
        left = ranked(rungs[-1], higher_is_better=higher_is_better)[: len(left) // 2]
        share = min(1.0, 2 * share)
    return rungs


def ranked(rung: Rung, *, higher_is_better: bool) -> list[int]:
    """The candidates of a round, best first; of equal ones the more urgent, failed ones last."""
    sign = -1 if higher_is_better else 1
    return sorted(rung.scores, key=lambda c: math.inf if (score := rung.scores[c]) is None else sign * score)


class Probing:
    """A planner that lets its plan compete with the next best ones, where the budget has room for it."""

    def __init__(
        self,
        planner: Planner,
        rivals: Callable[[Observation], Iterator[Proposal]],
        measure: Measure,
        *,
        candidates: int,
    ) -> None:
        """Let the plan of ``planner`` compete with those of ``rivals``, at most ``candidates`` plans in all."""
        self._planner, self._rivals, self._measure, self._candidates = planner, rivals, measure, candidates

    @property
    def name(self) -> str:
        """The planner's name, and how many of its plans are probed."""
        return planner_name(self._planner.name, self._candidates)

    def plan(self, observation: Observation) -> Proposal | None:
        """The plan that did best on a share of its rows."""
        first = self._planner.plan(observation)
        if first is None:
            return None
        found = [first]
        for rival in self._rivals(observation):
            if len(found) < self._candidates and all(rival.draft != other.draft for other in found):
                found.append(rival)
        if len(found) < 2 or not _affordable([p.draft for p in found], first, observation):
            return first
        rungs = self._contest(found, observation)
        winner = found[ranked(rungs[-1], higher_is_better=observation.task.higher_is_better)[0]]
        notes = [_describe_rung(rung, found, observation) for rung in rungs]
        plan = winner.plan.model_copy(update={"evidence": [*winner.plan.evidence, *notes]})
        return replace(winner, plan=plan)

    def _contest(self, found: Sequence[Proposal], observation: Observation) -> list[Rung]:
        def measure(candidate: int, share: float) -> float | None:
            with tempfile.TemporaryDirectory(prefix="ftdojo-probe-") as folder:
                found[candidate].write(Path(folder))
                score = self._measure(Path(folder), share).score
            return None if score is None else score.value

        return halve(len(found), measure, higher_is_better=observation.task.higher_is_better)


def _affordable(candidates: Sequence[Draft], first: Proposal, observation: Observation) -> bool:
    """Whether the wall clock has room for all rounds and a full run after them."""
    left = observation.remaining.get("wall_s")
    if left is None:
        return True
    parent = first.plan.parent
    if parent not in observation.submissions:
        return False
    like, of = drafts.read(observation.submissions[parent]), observation.history[parent - 1]
    dearest, total = list(candidates), 0.0
    share = FIRST_SHARE
    while len(dearest) > 1:
        costs = [_seconds(draft, share, like, of, observation) for draft in dearest]
        if None in costs:
            return False
        total += sum(cost for cost in costs if cost is not None)
        dearest = sorted(dearest, key=lambda d: -forecast.estimate_work(d, observation))[: len(dearest) // 2]
        share = min(1.0, 2 * share)
    full = forecast.seconds(dearest[0], like, of, observation)
    return full is not None and total + full < left


def _seconds(draft: Draft, share: float, like: Draft, of: Iteration, observation: Observation) -> float | None:
    if not isinstance(draft.program, Recipe):
        return None
    fewer = max(1, int(share * forecast.count_rows(draft, observation)))
    return forecast.seconds(draft.with_recipe(max_rows=fewer), like, of, observation)


def _describe_rung(rung: Rung, found: Sequence[Proposal], observation: Observation) -> str:
    parts = []
    for candidate, score in rung.scores.items():
        keys = ", ".join(change.key for change in found[candidate].plan.changes)
        parts.append(f"{keys or 'as planned'}: {'failed' if score is None else f'{score:.1f}'}")
    return f"probes on {rung.share:.0%} of the rows, {observation.task.metric}: {'; '.join(parts)}"
