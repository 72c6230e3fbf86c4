"""Answers from a record: for a whole run without a network, or for the calls that a killed run had already made."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from ftdojo.contract.call import Call, Usage
from ftdojo.errors import UsageError
from ftdojo.llm.transport import Answer, Request, Transport


class Replay:
    """Gives recorded answers in their order, then asks ``beyond``.

    Requests are matched by position, not by text: a prompt contains the remaining time, which differs.
    """

    place = None

    def __init__(self, calls: Sequence[Call], model: str, beyond: Transport | None = None) -> None:
        self.model = model
        self._calls, self._beyond, self._next = list(calls), beyond, 0

    def skip(self, count: int) -> None:
        """Skip the first ``count`` answers, which a resumed run has already used."""
        self._next = count

    def send(self, request: Request) -> Answer:
        """Return the next recorded answer.

        Raises:
            UsageError: if the record has no answer to such a request, and there is no ``beyond`` to ask.
        """
        if self._next < len(self._calls):
            call = self._calls[self._next]
            if call.mode == request.mode:
                self._next += 1
                return Answer(call.reply, call.fault, call.usage, logged=self._beyond is not None)
        if self._beyond is None:
            raise UsageError(
                f"the record has no answer to call {self._next + 1} of the run",
                fix="replay with the options of the recorded run; another version of ftdojo may make other requests",
            )
        self._next = len(self._calls)
        return self._beyond.send(request)


class Lookup:
    """Gives recorded answers by the content of the request: for requests in any order, from any thread."""

    place = None

    def __init__(self, calls: Iterable[Call], model: str) -> None:
        self.model = model
        self._lock = threading.Lock()
        self._calls: dict[str, list[Call]] = {}
        for call in calls:
            self._calls.setdefault(call.key, []).append(call)

    def send(self, request: Request) -> Answer:
        """Return the recorded answer to this request; a repeated request gets its recorded answers in order.

        Raises:
            UsageError: if the record has no answer to it.
        """
        with self._lock:
            found = self._calls.get(request.key(self.model))
            if not found:
                raise UsageError(
                    f"the record has no answer to a request of a data program to {self.model}",
                    fix="replay with the options and the data of the recorded run",
                )
            call = found.pop(0) if len(found) > 1 else found[0]
        return Answer(call.reply, call.fault, Usage() if call.cached else call.usage)
