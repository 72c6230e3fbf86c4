"""A recorded call to a language model, and the log that calls are written to."""

from __future__ import annotations

from typing import Literal, Protocol

from ftdojo.contract.budget import Spent
from ftdojo.schema import StrictModel

DATA_PROGRAM = "data"
"""The purpose of calls made by data programs. Purposes other than this one and a judge's are a planner's."""
JUDGE = "judge "
"""The beginning of the purpose of calls to a judge of outputs."""
SELF = "self"
"""The pool of a run's own base model."""
START = "start"
"""The pool of the model from which a training starts: the base model, or that of an earlier iteration. It is there for
recipes, in runs whose rule on teachers is ``self``."""
MAX_TOKENS = 16384
"""Most tokens of an answer that a data program may ask for."""

Role = Literal["system", "user", "assistant"]
Mode = Literal["json_schema", "json_object", "text"]
"""How the form of an answer is requested: ``json_schema`` is enforced by the server; ``json_object`` is enforced by
the server, with the schema as an extra key; ``text`` is requested in the prompt."""


def own_model(digest: str) -> str:
    """Return the name of one of a run's own models in the record of calls: the base model, by its digest, or that of an
    iteration, by the digest of its training."""
    return f"{SELF}:{digest}"


def is_own_model(name: str) -> bool:
    """Whether a name in the record of calls is that of one of a run's own models."""
    return name.startswith(f"{SELF}:")


class Message(StrictModel):
    """One turn of a conversation."""

    role: Role
    content: str


class Usage(StrictModel):
    """What a call used. Counted by the server; estimated from characters if the server does not report it."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    estimated: bool = False
    device_s: float = 0.0
    """Seconds of this machine's device; 0 for a model on a server."""


class Fault(StrictModel):
    """Why a call gave no reply."""

    kind: Literal["rejected", "rate_limit", "server", "timeout", "connection", "unreadable", "denied"]
    message: str
    retry_after_s: float | None = None


class Call(StrictModel):
    """One request and what came back. Contains no secret."""

    purpose: str
    model: str
    pool: str = ""
    """The name by which a data program asked for the model. Older builds did not record it."""
    mode: Mode
    messages: list[Message]
    reply: str | None
    """``None`` if the call failed."""
    fault: Fault | None
    usage: Usage
    seconds: float
    key: str = ""
    """The request's digest, for replies that are looked up by content: :meth:`ftdojo.llm.transport.Request.key`."""
    cached: bool = False
    """Whether the reply comes from an earlier run, which paid ``usage`` for it; no request was made now."""

    @property
    def charge(self) -> Spent:
        """The amount that the budget is charged for this call."""
        if self.cached:
            return Spent()
        used = self.usage
        return Spent(
            device_s=used.device_s,
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            cost_usd=used.cost_usd,
        )


def is_judges(call: Call) -> bool:
    """Whether a call was made to the judge of a task."""
    return call.purpose.startswith(JUDGE)


def is_planners(call: Call) -> bool:
    """Whether a call was made by an agent."""
    return call.purpose != DATA_PROGRAM and not is_judges(call)


class CallLog(Protocol):
    """The log in which calls are recorded and charged."""

    def append(self, call: Call) -> None:
        """Write a call; when this returns, it is on disk and charged."""

    def remaining(self) -> dict[str, float]:
        """Return what is left of each limited account of the budget."""
