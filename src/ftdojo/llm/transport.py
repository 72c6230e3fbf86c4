"""Send one request to a model and return its answer. A transport never retries: the client does."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Protocol

from ftdojo.contract.call import Fault, Message, Mode, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to a model."""

    messages: list[Message]
    mode: Mode
    schema: dict[str, Any] | None
    max_tokens: int
    timeout_s: float
    temperature: float | None = None
    """The provider's default if ``None``."""
    seed: int | None = None
    """Distinguishes requests that should get different answers; providers that support it also use it to sample."""

    def key(self, model: str) -> str:
        """The digest of everything that an answer of ``model`` depends on (so without the time limit)."""
        messages = [message.model_dump() for message in self.messages]
        content = [model, messages, self.mode, self.schema, self.max_tokens, self.temperature, self.seed]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply or a fault, and the usage."""

    reply: str | None
    fault: Fault | None
    usage: Usage
    logged: bool = False
    """Whether this call is already in the log, because it was made before the run was interrupted."""


class Transport(Protocol):
    """Sends requests to one model."""

    @property
    def model(self) -> str:
        """The model's name, as ``provider:model``."""

    @property
    def place(self) -> str | None:
        """The server of the model: part of the key of a cached answer. ``None`` for answers from a record."""

    def send(self, request: Request) -> Answer:
        """Send one request; a failure is an answer with a fault, not an exception. Several threads may call it."""
