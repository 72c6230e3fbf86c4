"""Sends one request to a model and says what came back. Never retries: the client owns that."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Protocol

from ftdojo.contract.call import Fault, Message, Mode, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is sent."""

    messages: list[Message]
    mode: Mode
    schema: dict[str, Any] | None
    max_tokens: int
    timeout_s: float
    temperature: float | None = None
    """The provider's default if ``None``."""
    seed: int | None = None
    """Tells apart requests that are meant to get different answers; providers that know it also sample by it."""

    def key(self, model: str) -> str:
        """The digest of all that an answer of ``model`` depends on (so not of the time that it may take)."""
        messages = [message.model_dump() for message in self.messages]
        content = [model, messages, self.mode, self.schema, self.max_tokens, self.temperature, self.seed]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


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

    @property
    def place(self) -> str | None:
        """Which server has the model: part of what an answer may be kept under. ``None`` for answers from a record."""

    def send(self, request: Request) -> Answer:
        """Send one request; a failure is an answer with a fault, not an exception. May be called by several threads."""
