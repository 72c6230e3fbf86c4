"""The file in which the calls of a judge are kept, with what each cost: one JSON line for each request.

It is the record of a judgement. Whoever has it gets the same verdicts without asking the model, and a command that was
interrupted goes on where it stopped.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from ftdojo.contract.budget import Budget, Spent
from ftdojo.contract.call import Call
from ftdojo.disk import disk_errors
from ftdojo.errors import InputError, UsageError
from ftdojo.files import open_log, write_file
from ftdojo.findings import Finding

BEGINNING = b'{"purpose": "judge '
"""How a line begins."""


class ReplyFile:
    """The calls in one file. Threads may share it. Implements :class:`ftdojo.contract.call.CallLog`."""

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
        self._path, self._budget, self._turn = path, budget or Budget(), threading.Lock()
        with disk_errors(path.parent):
            self.calls = _read(path)
        self._last = {call.purpose: call for call in self.calls}
        self.spent = sum((call.charge for call in self.calls), Spent())
        """What all calls in the file have cost."""

    def find(self, purpose: str) -> Call | None:
        """Return the last call with this purpose, if there is one."""
        return self._last.get(purpose)

    def append(self, call: Call) -> None:
        """Write a call; when this returns, it is on disk and counts."""
        line = json.dumps(call.model_dump(mode="json"))  # escapes half characters, which UTF-8 cannot hold
        with self._turn, disk_errors(self._path.parent):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with open_log(self._path, keep=True) as stream:
                stream.write(line.encode("ascii") + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
            self.calls.append(call)
            self._last[call.purpose] = call
            self.spent += call.charge

    def remaining(self) -> dict[str, float]:
        """Return what is left of each limited account."""
        return self._budget.remaining(self.spent)


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
