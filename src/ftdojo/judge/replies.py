"""What a judge has replied: in a file of its own, or in the record of a run.

They are the record of a judgement. Whoever has it gets the same verdicts without asking the model, and a command that
was interrupted goes on where it stopped. In a file, each request is one JSON line with what it cost.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable
from itertools import takewhile
from pathlib import Path

from ftdojo.contract.budget import Budget, Spent
from ftdojo.contract.call import JUDGE, Call
from ftdojo.disk import disk_errors
from ftdojo.errors import InputError, UsageError
from ftdojo.files import open_log, write_file
from ftdojo.findings import Finding
from ftdojo.plain import replace_surrogates

BEGINNING = f'{{"purpose": "{JUDGE}'.encode()
"""How a line begins."""
ALIVE = " alive"
"""The end of the purpose of a question that only shows whether the server still answers: the rest is the purpose of
the request that failed before it."""
MOST_CHARS = 65_536
"""Of a reply in a record; the rest is left out. A verdict is far shorter."""


class Replies:
    """The calls of a judge. Threads may share them. Implements :class:`ftdojo.contract.call.CallLog`."""

    def __init__(self, calls: Iterable[Call], write: Callable[[Call], None], budget: Budget | None = None) -> None:
        """Begin with the calls that are recorded.

        Args:
            calls: those that were made before.
            write: records a further call; when it returns, the call is on disk.
            budget: limits for all calls together.
        """
        self._write, self._budget, self._turn = write, budget or Budget(), threading.Lock()
        self.calls = list(calls)
        self._last = {call.purpose: call for call in self.calls}
        self.spent = sum((call.charge for call in self.calls), Spent())
        """What all calls have cost."""

    def find(self, purpose: str) -> Call | None:
        """Return the last call with this purpose, if there is one."""
        return self._last.get(purpose)

    def is_settled(self, purpose: str) -> bool:
        """Whether a question is not asked again."""
        call = self.find(purpose)
        return call is not None and call.reply is not None

    def append(self, call: Call) -> None:
        """Record a call; when this returns, it is on disk and counts."""
        if call.reply is not None and len(call.reply) > MOST_CHARS:
            call = call.model_copy(update={"reply": call.reply[:MOST_CHARS]})
        with self._turn:
            self._write(call)
            self.calls.append(call)
            self._last[call.purpose] = call
            self.spent += call.charge

    def remaining(self) -> dict[str, float]:
        """Return what is left of each limited account."""
        return self._budget.remaining(self.spent)


class RunReplies(Replies):
    """The calls of a judge in the record of a run. No limit of the run stops a judgement that has begun.

    A run decides by a verdict once, so a question is settled also if its request failed while the server answered
    another. Its text is not recorded: it holds right answers, also those of the sealed test. The digest in the purpose
    stands for it.
    """

    def append(self, call: Call) -> None:
        """Record a call; when this returns, it is on disk and counts."""
        reply = None if call.reply is None else replace_surrogates(call.reply)
        super().append(call.model_copy(update={"messages": [], "reply": reply}))

    def is_settled(self, purpose: str) -> bool:
        """Whether a question is not asked again."""
        call = self.find(purpose)
        if call is None:
            return False
        if call.reply is not None or super().is_settled(purpose + ALIVE):
            return True
        # The first request of all may be refused for its form alone: the next one asks in another form.
        return is_refused(call) and any(
            other.reply is not None for other in takewhile(lambda c: c is not call, self.calls)
        )


class ReplyFile(Replies):
    """The calls in one file."""

    def __init__(self, path: Path, budget: Budget | None = None) -> None:
        """Read the file, if there is one.

        Args:
            path: the file; it is made when the first call is written.
            budget: limits for all calls in the file together.

        Raises:
            UsageError: if it is no file.
            InputError: if a line is no call.
        """
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} is not a file", fix="name a file for the replies")
        with disk_errors(path.parent):
            calls = _read(path)
        super().__init__(calls, lambda call: _write(path, call), budget)


def is_refused(call: Call | None) -> bool:
    """Whether a server has refused a request as such."""
    return call is not None and call.fault is not None and call.fault.kind == "rejected"


def _write(path: Path, call: Call) -> None:
    """Write a call as the last line of a file."""
    line = json.dumps(call.model_dump(mode="json"))  # escapes half characters, which UTF-8 cannot hold
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_log(path, keep=True) as stream:
            stream.write(line.encode("ascii") + b"\n")
            stream.flush()
            os.fsync(stream.fileno())


def _read(path: Path) -> list[Call]:
    """Return the calls in a file. Its last line is removed if a killed process left it incomplete."""
    if not path.is_file():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    cut = bool(lines) and not lines[-1].endswith(b"\n") and lines[-1][: len(BEGINNING)] == BEGINNING[: len(lines[-1])]
    kept = lines[:-1] if cut else lines
    calls = []
    for number, line in enumerate(kept, start=1):
        try:
            calls.append(Call.model_validate(json.loads(line)))
        except (ValueError, RecursionError):
            fix = "name another file for the replies, or delete the line: its question is then asked again"
            where = f"{path.name}: line {number}"
            raise InputError(
                [Finding(code="bad_call", message="is no call of a judge", where=where, fix=fix)]
            ) from None
    if cut:
        write_file(path, b"".join(kept))
    return calls
