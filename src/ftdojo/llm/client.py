"""The client: a typed question, at most a few tries, and a typed answer or one typed error.

The client does all retries. A request that a server refuses is sent again in the next, less demanding mode; a busy or
failing server is asked again after a pause; an answer in the wrong form is returned with a description of its faults.
Every request is written to the log, with its usage, before anything else happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ftdojo.contract.call import Call, CallLog, Fault, Message, Mode
from ftdojo.errors import LlmError, LlmTrouble
from ftdojo.llm.form import Form, Unusable
from ftdojo.llm.prompt import Prompt
from ftdojo.llm.transport import Answer, Request, Transport

T = TypeVar("T")

LADDER: tuple[Mode, ...] = ("json_schema", "json_object", "text")
SHOWN_OF_REPLY = 2000
"""Characters of a faulty reply that are sent back with the description of its faults."""
ACCOUNTS = ("input_tokens", "output_tokens", "cost_usd", "wall_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often and how long the client retries."""

    repairs: int = 2
    """How many answers in a wrong form are sent back."""
    retries: int = 3
    """How many further requests go to a server that is busy, failing or unreachable."""
    timeout_s: float = 300.0
    first_pause_s: float = 1.0
    """Doubled with each retry, unless the server sends a waiting time."""
    longest_pause_s: float = 60.0
    max_tokens: int = 2048
    """Time limit of one answer, in seconds."""

    def pause(self, fault: Fault, retries: int) -> float | None:
        """Seconds to wait before the next request, given the number of retries so far; ``None`` to give up."""
        if fault.kind in ("denied", "rejected") or retries >= self.retries:
            return None
        return min(self.longest_pause_s, max(self.first_pause_s * 2.0**retries, fault.retry_after_s or 0.0))


class Client:
    """Asks one model. Several threads may ask through it, if they may write to its log."""

    def __init__(
        self,
        transport: Transport,
        log: CallLog,
        *,
        patience: Patience | None = None,
        known: Sequence[Call] = (),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Ask through ``transport``, write to ``log``; the ``known`` calls show which mode the server accepts."""
        self._transport, self._log, self._patience, self._sleep = transport, log, patience or Patience(), sleep
        accepted = [call.mode for call in known if call.mode != "text" and call.fault is None]
        self._rung = LADDER.index(accepted[-1]) if accepted else 0
        """The first mode of the ladder that the server has not refused."""
        self._accepted = bool(accepted)
        """Whether the server has answered in that mode."""

    @property
    def model(self) -> str:
        """The model's name."""
        return self._transport.model

    def ask(self, prompt: Prompt, form: Form[T]) -> T:
        """Ask a question and return the answer, read in ``form``.

        Raises:
            LlmError: ``down``, ``denied``, ``off_schema`` or ``out_of_budget``.
        """
        turns = [Message(role="user", content=prompt.user)]
        problem = ""
        for _ in range(1 + self._patience.repairs):
            reply = self._request(prompt, turns, form)
            try:
                return form.read(reply)
            except Unusable as unusable:
                problem = str(unusable)
            shown = reply[:SHOWN_OF_REPLY] or "(empty)"
            repair = f"That cannot be used: {problem}. Answer again, complete and in the form that was asked for."
            turns = [turns[0], Message(role="assistant", content=shown), Message(role="user", content=repair)]
        raise LlmError("off_schema", f"{self.model} gave no usable answer ({prompt.purpose}): {problem}")

    def _request(self, prompt: Prompt, turns: list[Message], form: Form[T]) -> str:
        """Get one reply, with retries."""
        retries = 0
        while True:
            mode = LADDER[self._rung] if form.schema is not None else "text"
            instruction = f"\n\n{form.instruction}" if mode == "text" or form.schema is None else ""
            system = Message(role="system", content=prompt.system + instruction)
            answer = self._send(prompt.purpose, [system, *turns], mode, form)
            if answer.fault is None:
                self._accepted = self._accepted or form.schema is not None
                return answer.reply or ""
            if self._step_down(answer.fault, mode):
                continue
            pause = self._patience.pause(answer.fault, retries)
            if pause is None:
                kind: LlmTrouble = "denied" if answer.fault.kind == "denied" else "down"
                raise LlmError(kind, f"{self.model} does not answer: {answer.fault.message}")
            self._sleep(pause)
            retries += 1

    def _step_down(self, fault: Fault, mode: Mode) -> bool:
        """Go to the next mode if the server may have refused this one: some answer an unknown one with status 500."""
        if mode == "text" or fault.kind not in ("rejected", "server"):
            return False
        next_rung = LADDER.index(mode) + 1
        if next_rung <= self._rung:  # another thread has gone there while this one waited
            return True
        if self._accepted:
            return False
        self._rung = next_rung
        return True

    def _send(self, purpose: str, messages: list[Message], mode: Mode, form: Form[T]) -> Answer:
        left = self._log.remaining()
        if spent := [account for account in ACCOUNTS if left.get(account, 1.0) <= 0]:
            raise LlmError("out_of_budget", f"the budget for {', '.join(spent)} is used up")
        request = Request(
            messages=messages,
            mode=mode,
            schema=form.schema,
            max_tokens=int(min(self._patience.max_tokens, left.get("output_tokens", float("inf")))),
            timeout_s=min(self._patience.timeout_s, left.get("wall_s", float("inf"))),
        )
        begun = time.monotonic()
        answer = self._transport.send(request)
        call = Call(
            purpose=purpose,
            model=self.model,
            mode=mode,
            messages=messages,
            reply=answer.reply,
            fault=answer.fault,
            usage=answer.usage,
            seconds=time.monotonic() - begun,
        )
        if not answer.logged:
            self._log.append(call)
        return answer
