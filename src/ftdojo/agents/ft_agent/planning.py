"""Planning by a model: one iteration as edits of the draft to start from, each with a reason and an expected effect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field, create_model

from ftdojo.agents.draft import Draft
from ftdojo.agents.ft_agent import context, edits
from ftdojo.agents.ft_agent.context import Fact
from ftdojo.agents.ft_agent.explain import Explanation
from ftdojo.contract.protocol import Observation
from ftdojo.contract.submission import Plan, PlannedChange
from ftdojo.contract.task_spec import TaskSpec
from ftdojo.llm import Client, JsonForm, Prompt, Prose
from ftdojo.llm.prompt import DATA_NOTE

MAX_CHANGES = 3
SYSTEM = f"""You plan the fine-tuning of a small language model, one iteration at a time. Change few things at once, so
that their effects can be told apart, and only what a measured fact speaks for. Do not repeat what was tried without
gain. The training has to fit into the time that is left. {DATA_NOTE}"""
USER = """{task}

Raw files:
{raw}

Configuration to start from (key = value):
{configuration}

Measured facts:
{facts}
{explanation}{outlook}{findings}
Plan the next iteration: a hypothesis; the ids of the facts that it rests on; one to {most} changes, each with a key
from the configuration, its new value as text (a plain number or word, never an expression), a reason, and the expected
change of {metric}; the risk; the result that would refute the hypothesis; and what should follow in later iterations.
program: "keep" to change keys only, or "write" if the training data should be made by a new Python program."""


class Edit(BaseModel):
    """One change of one key."""

    key: str
    value: str = Field(max_length=4000)
    because: Prose
    expected_change: float


class PlanReply(BaseModel):
    """A plan as a model gives it."""

    hypothesis: Prose
    evidence: list[str] = Field(min_length=1, max_length=6)
    changes: list[Edit] = Field(max_length=MAX_CHANGES)
    risk: Prose
    refuted_if: Prose
    outlook: list[Prose] = Field(max_length=4)
    program: Literal["keep", "write"]


Objection = Callable[[Draft], str]
"""What speaks against a draft, or an empty text."""


def plan(
    client: Client,
    observation: Observation,
    start: Draft,
    facts: Sequence[Fact],
    *,
    explanation: Explanation | None,
    outlook: Sequence[str],
    findings: str,
    objection: Objection,
) -> tuple[PlanReply, Draft]:
    """A plan, and the draft that its edits make.

    Args:
        start: the draft that is edited.
        outlook: what earlier plans meant to do next.
        findings: why the last draft of this iteration was refused, if one was.
        objection: asked about every draft; what it says goes back to the model.

    Raises:
        LlmError: if the model gives no usable plan.
    """

    def faults(reply: PlanReply) -> list[str]:
        made = [(edit.key, edit.value) for edit in reply.changes]
        if not made and reply.program == "keep":
            return ["'changes' is empty: a plan changes at least one key"]
        try:
            draft = edits.apply(start, observation.task, made)
        except ValueError as error:
            return [str(error)]
        keys = edits.differences(start, draft, observation.task).keys()
        if reply.program == "keep" and not keys:
            return [f"'{key}' has that value already" for key, _ in made]
        if uncited := [fact for fact in facts if fact.key in keys and fact.id not in reply.evidence]:
            return [f"'evidence' leaves out [{fact.id}], which was measured about {fact.key}" for fact in uncited]
        return list(filter(None, [objection(draft)]))

    user = USER.format(
        task=context.task(observation),
        raw=context.raw_data(observation),
        configuration=context.configuration(start, observation),
        facts="\n".join(map(str, facts)),
        explanation=f"Your diagnosis: [{explanation.most_urgent}] {explanation.cause}\n" if explanation else "",
        outlook=f"You meant to do next: {'; '.join(outlook)[:500]}\n" if outlook else "",
        findings=f"Your last plan was refused by the checks:\n{findings}\n" if findings else "",
        most=MAX_CHANGES,
        metric=observation.task.metric,
    )
    reply = client.ask(
        Prompt(purpose="plan", system=SYSTEM, user=user), JsonForm(_form(start, observation.task, facts), faults)
    )
    return reply, edits.apply(start, observation.task, [(edit.key, edit.value) for edit in reply.changes])


def _form(start: Draft, spec: TaskSpec, facts: Sequence[Fact]) -> type[PlanReply]:
    """The plan's form with every key and every id as a choice: what a server enforces, a weak model cannot miss."""
    keys, ids = tuple(edits.values(start, spec)), tuple(fact.id for fact in facts)
    edit: Any = create_model("Edit", __base__=Edit, key=(Literal[keys], ...))  # type: ignore[arg-type]
    return create_model(
        "PlanReply",
        __base__=PlanReply,
        evidence=(list[Literal[ids]], Field(min_length=1, max_length=6)),  # type: ignore[valid-type]
        changes=(list[edit], Field(max_length=MAX_CHANGES)),
    )


def as_plan(
    reply: PlanReply,
    start: Draft,
    draft: Draft,
    spec: TaskSpec,
    *,
    parent: int,
    by: str,
    facts: Sequence[Fact],
    explanation: Explanation | None,
) -> Plan:
    """The plan as it goes into the submission: what was cited is written out, what changed is read off the drafts."""
    stated = {edit.key: edit for edit in reply.changes}
    changes = [
        PlannedChange(
            key=key,
            before=before,
            after=after,
            because=stated[key].because if key in stated else "follows from the other changes",
            expected=f"{stated[key].expected_change:+g} in the core metric" if key in stated else "none of its own",
            size=stated[key].expected_change if key in stated else None,
        )
        for key, (before, after) in edits.differences(start, draft, spec).items()
    ]
    if start.program != draft.program and isinstance(draft.program, str):
        changes.append(
            PlannedChange(
                key="program", before="the draft's", after="a new script", because=reply.hypothesis, expected=""
            )
        )
    rooms = {"data" if change.key.startswith(("recipe", "program")) else "training" for change in changes}
    cited = [str(fact) for fact in facts if fact.id in reply.evidence]
    return Plan(
        parent=parent,
        hypothesis=reply.hypothesis,
        evidence=[*cited, *([f"diagnosis by {by}: {explanation.cause}"] if explanation else [])],
        focus="both" if len(rooms) != 1 else "data" if rooms == {"data"} else "training",
        changes=changes,
        by=by,
        risks=reply.risk,
        refuted_if=reply.refuted_if,
        outlook=reply.outlook,
    )
