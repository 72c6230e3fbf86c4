"""Sends one request to a model and says what came back. Never retries: the client owns that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from ftdojo.llm.records import Fault, Message, Mode, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is sent."""

    messages: list[Message]
    mode: Mode
    schema: dict[str, Any] | None
    max_tokens: int
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a reply or a fault, and what it used."""

    reply: str | None
    fault: Fault | None
    usage: Usage
    logged: bool = False
    """Whether this very call is in the log already, because it was made before the run was interrupted."""


class Transport(Protocol):
    """A way to a model."""

    @property
    def model(self) -> str:
        """The model's name, as ``provider:model``."""

    def send(self, request: Request) -> Answer:
        """Send one request; a failure is an answer with a fault, not an exception."""
