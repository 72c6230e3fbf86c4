"""Diagnosis by a model: it ranks what the numbers say is wrong, and says why. It cannot add a number or doubt one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, create_model

from ftdojo.agents.ft_agent import context
from ftdojo.agents.ft_agent.context import Fact
from ftdojo.contract.feedback import EvaluationFeedback
from ftdojo.llm import Client, JsonForm, Prompt, Prose
from ftdojo.llm.prompt import DATA_NOTE

if TYPE_CHECKING:
    from collections.abc import Sequence

SYSTEM = f"""You diagnose why a fine-tuned language model still makes errors. The findings below were computed from
measurements and are true. Say in one or two sentences what causes the errors, judging by the samples, and name the
finding that matters most. {DATA_NOTE}"""
USER = """{facts}

Wrong outputs of the model:
{samples}

Which finding matters most, and what is the cause?"""


class Explanation(BaseModel):
    """What the model makes of the findings."""

    most_urgent: str
    cause: Prose


def explain(client: Client, facts: Sequence[Fact], evaluation: EvaluationFeedback) -> Explanation:
    """Let the model rank the facts, given a few wrong outputs.

    Raises:
        LlmError: if it gives no usable answer.
    """
    ids = tuple(fact.id for fact in facts)
    form = create_model("Explanation", __base__=Explanation, most_urgent=(Literal[ids], ...))  # type: ignore[arg-type]
    user = USER.format(facts="\n".join(map(str, facts)), samples=context.samples(evaluation) or "(none)")
    return client.ask(Prompt(purpose="diagnose", system=SYSTEM, user=user), JsonForm(form))
