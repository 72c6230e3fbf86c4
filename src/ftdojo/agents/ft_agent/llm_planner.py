"""The planner with an LLM: diagnose, plan, write, have it checked, repair. What it may not do is decide by opinion.

Where it starts, what is wrong and what was gained are computed; the model chooses what to change and says why. It gets
the findings of the gates back at most ``REPAIRS`` times; the same finding twice takes the data program of the draft
that it started from, which has passed before. What then still fails is an :class:`~ftdojo.errors.LlmError`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ftdojo.agents import draft as drafts
from ftdojo.agents import forecast
from ftdojo.agents.draft import Draft, Proposal
from ftdojo.agents.ft_agent import context, planning, program
from ftdojo.agents.ft_agent.diagnosis import diagnose
from ftdojo.agents.ft_agent.effects import measure
from ftdojo.agents.ft_agent.explain import explain
from ftdojo.agents.ft_agent.first_training import first_training
from ftdojo.contract.protocol import Iteration, Observation, highest
from ftdojo.errors import LlmError, UsageError
from ftdojo.findings import Finding
from ftdojo.llm import Client

REPAIRS = 2
SHOWN_FINDINGS = 1200

Precheck = Callable[[Path], Sequence[Finding]]
"""The gates alone: what is wrong with a submission folder, without spending a submission."""


@dataclass(frozen=True, slots=True)
class _Start:
    """Where an iteration starts from."""

    draft: Draft
    iteration: Iteration | None


class LlmPlanner:
    """Plans with a model."""

    def __init__(self, client: Client, precheck: Precheck) -> None:
        self._client, self._precheck = client, precheck

    @property
    def name(self) -> str:
        """The model's name."""
        return self._client.model

    def plan(self, observation: Observation) -> Proposal | None:
        """The next iteration.

        Raises:
            LlmError: if the model gives nothing that passes the checks.
        """
        start = _start(observation)
        feedback = start.iteration.feedback if start.iteration else None
        evaluation = (feedback.evaluation if feedback else None) or observation.baseline
        effects = measure(observation, drafts.read_all(observation.submissions))
        diagnoses = diagnose(evaluation, feedback, observation.task, observation.trivial)
        facts = context.facts(observation, start.iteration, diagnoses, effects)
        explanation = explain(self._client, facts, evaluation)
        script, findings, seen = "", "", set[tuple[str, str]]()
        for _ in range(1 + REPAIRS):
            reply, draft = planning.plan(
                self._client,
                observation,
                start.draft,
                facts,
                explanation=explanation,
                outlook=_outlook(observation),
                findings="" if script else findings,
                objection=lambda draft: _objection(draft, start, observation),
            )
            if reply.program == "write":
                script = self._script(observation, start.draft, reply.hypothesis, script, findings)
                draft = Draft(script, draft.train)
            plan = planning.as_plan(
                reply,
                start.draft,
                draft,
                observation.task,
                parent=start.iteration.number if start.iteration else 0,
                by=self.name,
                facts=facts,
                explanation=explanation,
            )
            proposal = Proposal(plan, draft)
            found = self._check(proposal)
            if not found:
                return proposal
            findings = "\n".join(f"{f.code} at {f.where}: {f.message}; {f.fix}" for f in found)[:SHOWN_FINDINGS]
            again = {(f.code, f.where) for f in found}
            if again & seen:
                break
            seen |= again
        raise LlmError("off_schema", f"{self.name} gave nothing that passes the gates: {findings[:300]}")

    def _script(self, observation: Observation, start: Draft, hypothesis: str, last: str, findings: str) -> str:
        before = last or (start.program if isinstance(start.program, str) else "")
        return program.write(self._client, observation, hypothesis=hypothesis, before=before, findings=findings)

    def _check(self, proposal: Proposal) -> list[Finding]:
        with tempfile.TemporaryDirectory(prefix="ftdojo-draft-") as folder:
            proposal.write(Path(folder))
            try:
                return [finding for finding in self._precheck(Path(folder)) if finding.severity == "error"]
            except UsageError:  # the free checks are used up: the gates see the submission itself
                return []


def _start(observation: Observation) -> _Start:
    """The best iteration; while none was accepted, the highest score; else the playbook's first draft."""
    if not observation.history:
        return _Start(first_training(observation).draft, None)
    history = observation.history
    chosen = history[observation.best - 1] if observation.best else highest(history, observation.task)
    if chosen is None:
        return _Start(first_training(observation).draft, observation.history[-1])
    return _Start(drafts.read(observation.submissions[chosen.number]), chosen)


def _outlook(observation: Observation) -> list[str]:
    """What the latest plan with an outlook meant to do next."""
    plans = [i.plan for i in observation.history if i.plan is not None and i.plan.outlook]
    return plans[-1].outlook if plans else []


def _objection(draft: Draft, start: _Start, observation: Observation) -> str:
    """Why a draft is not worth an iteration: it was tried, or it does not fit into the time."""
    for number, tried in drafts.read_all(observation.submissions).items():
        if tried == draft:
            return f"iteration {number} was exactly this: change something else"
    left = observation.remaining.get("wall_s")
    if left is None:
        return ""
    if start.iteration is not None:
        seconds = forecast.seconds(draft, start.draft, start.iteration, observation)
    else:
        training_s = forecast.estimate_work(draft, observation) / observation.train_rows_per_s
        seconds = forecast.RESERVE * (forecast.overhead_s(observation) + training_s)
    if seconds is not None and seconds > left:
        return f"it would take about {seconds:.0f} s, {left:.0f} s are left: fewer recipe.max_rows or train.epochs"
    return ""
