"""The playbook: the practice of fine-tuning written as rules over typed diagnoses. No LLM.

It begins with a serious training, sized to the time. Afterwards each iteration starts from the best draft so far, and
from the best model's weights where it may. It makes the first move that a diagnosis calls for, that was not tried
before, and that fits into what is left of the budget. A move names the numbers it rests on and what it should do to
them. It ends when no model could be shown to be better than the best, or when no move fits into the time any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ftdojo.agents import PLAYBOOK
from ftdojo.agents import draft as drafts
from ftdojo.agents.draft import Proposal
from ftdojo.agents.ft_agent.first_training import first_training
from ftdojo.agents.ft_agent.moves import Move, with_falling_rate
from ftdojo.agents.ft_agent.rules import RULES, Rule
from ftdojo.agents.ft_agent.situation import Situation
from ftdojo.contract.protocol import Observation
from ftdojo.contract.recipe import Recipe
from ftdojo.contract.submission import Plan


class Playbook:
    """The planner without an LLM."""

    name = PLAYBOOK

    def __init__(self, rules: Sequence[Rule] | None = None) -> None:
        """Plan by ``rules``, all of :data:`RULES` if there are none."""
        self._rules = RULES if rules is None else rules

    def plan(self, observation: Observation) -> Proposal | None:
        """The first training, then one move an iteration; ``None`` when nothing is left to gain, or no rule has an
        untried, affordable move left."""
        return next(self.plans(observation), None)

    def plans(self, observation: Observation) -> Iterator[Proposal]:
        """All plans that the rules would make now, the most urgent first."""
        every = drafts.read_all(observation.submissions)
        tried = {number: draft for number, draft in every.items() if isinstance(draft.program, Recipe)}
        if not tried:
            yield first_training(observation)
            return
        situation, offered = Situation.of(observation, tried), list(tried.values())
        if situation.at_best:
            return
        for rule in self._rules:
            for move in map(with_falling_rate, rule(situation)):
                if move.draft not in offered and situation.affords(move.draft):
                    offered.append(move.draft)
                    yield Proposal(_plan(situation, move), move.draft)


def _plan(s: Situation, move: Move) -> Plan:
    areas = {change.key.split(".")[0] for change in move.changes}
    return Plan(
        parent=s.iteration.number,
        hypothesis=move.hypothesis,
        evidence=[move.evidence, *(f"iteration {i.number}: {i.verdict}" for i in s.observation.history[-3:])],
        focus="both" if len(areas) > 1 else "data" if areas == {"recipe"} else "training",
        changes=list(move.changes),
        by=Playbook.name,
    )
