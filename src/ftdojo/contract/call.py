"""One call to a model, as the record keeps it, and where calls are written."""

from __future__ import annotations

from typing import Literal, Protocol

from ftdojo.contract.budget import Spent
from ftdojo.schema import StrictModel

DATA_PROGRAM = "data"
"""The purpose of the calls that data programs make; all other purposes are a planner's."""

Role = Literal["system", "user", "assistant"]
Mode = Literal["json_schema", "json_object", "text"]
"""How the form of an answer is asked for: enforced by the server, by the server with the schema beside, or in words."""


class Message(StrictModel):
    """One turn of a conversation."""

    role: Role
    content: str


class Usage(StrictModel):
    """What a call used. Counted by the server; estimated from characters if it does not say."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    estimated: bool = False


class Fault(StrictModel):
    """Why a call gave no reply."""

    kind: Literal["rejected", "rate_limit", "server", "timeout", "connection", "unreadable", "denied"]
    message: str
    retry_after_s: float | None = None


class Call(StrictModel):
    """One request and what came back. Contains no secret."""

    purpose: str
    model: str
    mode: Mode
    messages: list[Message]
    reply: str | None
    """``None`` if the call failed."""
    fault: Fault | None
    usage: Usage
    seconds: float
    key: str = ""
    """The request's digest, where answers are looked up by content: see :meth:`ftdojo.llm.transport.Request.key`."""
    cached: bool = False
    """Whether the reply was kept from an earlier run, which paid ``usage`` for it, and nothing was asked now."""

    @property
    def charge(self) -> Spent:
        """What the budget is charged."""
        if self.cached:
            return Spent()
        used = self.usage
        return Spent(input_tokens=used.input_tokens, output_tokens=used.output_tokens, cost_usd=used.cost_usd)


class CallLog(Protocol):
    """Where calls are written and charged, and what the budget still allows."""

    def append(self, call: Call) -> None:
        """Write a call; when this returns, it is on disk and charged."""

    def remaining(self) -> dict[str, float]:
        """What is left of each limited account of the budget."""
