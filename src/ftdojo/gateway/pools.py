"""Pools of language models for data programs: each request is looked up, checked against the budget, sent, recorded.

One object serves one run of one program; the threads that serve its requests call :meth:`Pools.ask` concurrently.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from ftdojo.contract.call import DATA_PROGRAM, Call, CallLog, Usage
from ftdojo.llm import Request, Transport
from ftdojo.llm.transport import Answer
from ftdojo.plain import replace_surrogates

CONCURRENCY = 8
RETRIES = 3
RATE_LIMIT_RETRIES = 8
FIRST_PAUSE_S = 1.0
"""Doubled with each retry, unless the server sends a waiting time."""
LONGEST_PAUSE_S = 30.0
FAULTS = 20
"""A pool is closed after this many failed calls in a row: a program that keeps asking must not fill the record."""
BYTES_PER_TOKEN = 4
"""Estimates the tokens of a prompt for the budget check, before the server counts them."""
ACCOUNTS = ("input_tokens", "output_tokens", "cost_usd", "wall_s", "device_s")


class ReplyCache(Protocol):
    """Replies of earlier runs."""

    def get(self, key: str) -> str | None:
        """Return the reply under a key, ``None`` if there is none."""

    def put(self, key: str, text: str) -> None:
        """Store a reply."""


class Refused(Exception):  # noqa: N818 - an answer to the program; nothing here is broken
    """A request that gets no reply.

    Args:
        status: HTTP status.
        kind: identifies the refusal for the program.
        message: for the author of the program.
    """

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


@dataclass(frozen=True, slots=True)
class _Reserved:
    """The most that a call in flight may use."""

    input_tokens: float
    output_tokens: float
    cost_usd: float

    def get_amount(self, account: str) -> float:
        return float(getattr(self, account, 0.0))


class Pools:
    """Named pools, each served by one model."""

    def __init__(
        self,
        models: Mapping[str, Transport],
        log: CallLog,
        kept: ReplyCache,
        *,
        known: Iterable[Call] = (),
        concurrency: int = CONCURRENCY,
    ) -> None:
        """Serve ``models`` (pool -> transport to its model).

        Args:
            log: where calls are written and charged.
            kept: replies of earlier runs, which cost nothing.
            known: the calls of data programs that are already in ``log``.
            concurrency: the most calls in flight at one time.
        """
        self._models, self._log, self._kept, self._concurrency = dict(models), log, kept, concurrency
        self._known = {call.key: call for call in known if call.reply is not None}
        self._changed = threading.Condition()
        """Guards all fields below, and is notified of every change."""
        self._asked: set[str] = set()
        """Keys of requests in flight: an identical request waits for the same answer."""
        self._in_flight: list[_Reserved] = []
        self._dearest = dict.fromkeys(self._models, 0.0)
        """The cost of a pool's most expensive call so far, in dollars: the estimate for a call in flight."""
        self._faults = dict.fromkeys(self._models, 0)
        """Failed calls since the last success."""
        self._closed: dict[str, str] = {}
        """Pool -> why it is closed."""
        self._over = threading.Event()
        self.troubles: dict[str, str] = {}
        """Kind of refusal -> the first message of that kind. For the finding if the program fails."""

    @property
    def names(self) -> list[str]:
        """The pools."""
        return list(self._models)

    def ask(self, pool: str, request: Request) -> Call:
        """Get the reply of a pool's model, as a recorded call.

        Raises:
            Refused: if there is none.
        """
        transport = self._models.get(pool)
        if transport is None:
            raise Refused(404, "unknown_model", f"there is no model '{pool[:80]}'; there are: {', '.join(self.names)}")
        key = request.key(transport.model)
        with self._changed:
            while key in self._asked:
                self._changed.wait()
            if (known := self._find(pool, transport, key, request)) is not None:
                return known
            self._asked.add(key)
        try:
            return self._call(pool, transport, key, request)
        except Refused as refused:
            self.troubles.setdefault(refused.kind, refused.message)
            raise
        finally:
            with self._changed:
                self._asked.discard(key)
                self._changed.notify_all()

    def close(self, *, wait: bool = True) -> None:
        """Refuse new requests, and wait for the calls in flight, which have time limits: they must be charged."""
        self._over.set()
        with self._changed:
            self._changed.notify_all()
            while wait and self._in_flight:
                self._changed.wait()

    def _find(self, pool: str, transport: Transport, key: str, request: Request) -> Call | None:
        """Find the reply if this run or an earlier one has paid for it. A reply from an earlier run is also recorded in
        this one, once, so that this record can be replayed by itself."""
        if key in self._known:
            return self._known[key]
        text = None if transport.place is None else self._kept.get(f"{transport.place} {key}")
        if text is None:
            return None
        reply, used = json.loads(text)
        answer = Answer(reply, None, Usage.model_validate(used))
        call = _call(pool, transport, key, request, answer, 0.0, cached=True)
        self._log.append(call)
        self._known[key] = call
        return call

    def _call(self, pool: str, transport: Transport, key: str, request: Request) -> Call:
        """Ask the model, with retries if necessary."""
        pauses = 0
        while True:
            call = self._send(pool, transport, key, request)
            if call.fault is None:
                return call
            if call.fault.kind == "rejected":
                raise Refused(400, "rejected", f"the model refuses the request: {call.fault.message[:300]}")
            if pauses >= (RATE_LIMIT_RETRIES if call.fault.kind == "rate_limit" else RETRIES):
                raise Refused(503, "model_down", f"pool '{pool}' does not answer: {call.fault.message[:300]}")
            pause = max(FIRST_PAUSE_S * 2**pauses, call.fault.retry_after_s or 0.0)
            self._over.wait(min(pause, LONGEST_PAUSE_S))
            pauses += 1

    def _send(self, pool: str, transport: Transport, key: str, request: Request) -> Call:
        """Reserve, send and record one request."""
        reserved, timeout_s = self._reserve(pool, request)
        try:
            begun = time.monotonic()
            answer = transport.send(replace(request, timeout_s=timeout_s))
            call = _call(pool, transport, key, request, answer, time.monotonic() - begun)
            with self._changed:
                self._log.append(call)
                self._learn(pool, key, call)
            if call.reply is not None and transport.place is not None:
                self._kept.put(f"{transport.place} {key}", json.dumps([call.reply, call.usage.model_dump()]))
        finally:
            with self._changed:
                self._in_flight.remove(reserved)
                self._changed.notify_all()
        return call

    def _reserve(self, pool: str, request: Request) -> tuple[_Reserved, float]:
        """Wait until a call may start and the budget can cover it; return the reservation and the seconds it may take.

        The reservation is held until the call has been charged, so that concurrent calls cannot overdraw the budget."""
        size = sum(len(message.content.encode()) for message in request.messages)
        with self._changed:
            need = _Reserved(size / BYTES_PER_TOKEN, request.max_tokens, self._dearest[pool])
            while True:
                if self._over.is_set():
                    raise Refused(503, "over", "the program has ended")
                if pool in self._closed:
                    raise Refused(503, "model_down", f"pool '{pool}' does not answer: {self._closed[pool]}")
                left = self._log.remaining()
                short = [name for name in ACCOUNTS if name in left and not self._fits(left[name], name, need)]
                if short and not self._in_flight:
                    message = f"the run's budget for {', '.join(short)} has no room for this request"
                    raise Refused(429, "insufficient_quota", message)
                if not short and len(self._in_flight) < self._concurrency:
                    self._in_flight.append(need)
                    return need, min(request.timeout_s, left.get("wall_s", request.timeout_s))
                self._changed.wait()

    def _fits(self, left: float, account: str, need: _Reserved) -> bool:
        free = left - sum(call.get_amount(account) for call in self._in_flight)
        return free > 0 and free >= need.get_amount(account)

    def _learn(self, pool: str, key: str, call: Call) -> None:
        if call.fault is None:
            self._known[key] = call
            self._faults[pool] = 0
            self._dearest[pool] = max(self._dearest[pool], call.usage.cost_usd)
            return
        self._faults[pool] += 1
        if call.fault.kind == "denied" or self._faults[pool] >= FAULTS:
            self._closed[pool] = call.fault.message[:300]


def _call(
    pool: str, transport: Transport, key: str, request: Request, answer: Answer, seconds: float, *, cached: bool = False
) -> Call:
    return Call(
        purpose=DATA_PROGRAM,
        model=transport.model,
        pool=pool,
        mode=request.mode,
        messages=request.messages,
        reply=None if answer.reply is None else replace_surrogates(answer.reply),
        fault=answer.fault,
        usage=answer.usage,
        seconds=seconds,
        key=key,
        cached=cached,
    )
