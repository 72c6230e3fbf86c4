"""The wire of an agent that has started this program, and the first answer on it: before anything heavy is imported.

Importing the SDK of the Model Context Protocol takes a second, on a busy machine many, and some clients wait five for
their server's first answer. So ``initialize`` is answered here, with the standard library only. All that the client
sends is passed on to the SDK, whose own answer to that request is dropped.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

NAME, TITLE = "ftdojo", "FT-Dojo"
PROTOCOLS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""The versions that begin with ``initialize``, oldest first. A later client begins in another way, and is passed on."""
CAPABILITIES = {"tools": {"listChanged": False}}
CHUNK = 2**16
INSTRUCTIONS = """\
You fine-tune a small language model on a task, in iterations, within a budget. Begin with dojo_wait, dojo_task and
dojo_raw_data. Then repeat: dojo_precheck a submission until the gates find no error, dojo_submit it, dojo_wait for its
verdict, plan the next one from its feedback. A model is accepted if it is better on validation than the best so far, by
a 95 % interval. Call dojo_finish when no further submission is worth its time: the best model is then scored on a
sealed test, once, and the episode ends. Time runs while you think."""


class Wire:
    """Standard input and output as lines. They are kept for the protocol alone: what libraries print goes to standard
    error, and programs that are started read nothing.

    The SDK's own transport ends with an error if its client dies during a call (findings/). Here the end of the input
    is an event of its own, which is seen at any moment.
    """

    def __init__(self) -> None:
        """Take the two streams, and begin to read."""
        self.ended = threading.Event()
        """Set when the client has closed its end, or has died."""
        self._source, self._sink = os.dup(0), os.dup(1)
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - pathlib would be imported for this
            os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)
        self._turn = threading.Lock()
        self._waiting: list[str | None] = []
        self._receive: Callable[[str | None], None] | None = None
        self._opened = False
        self._answered: Any = None
        """The number of the request that was answered here, until the SDK has answered it, too."""
        threading.Thread(target=self._read, name="wire", daemon=True).start()

    def connect(self, receive: Callable[[str | None], None]) -> None:
        """Give every line, with those that have come already, to ``receive``, and ``None`` at the end. It is called in
        another thread."""
        with self._turn:
            for line in self._waiting:
                receive(line)
            self._waiting, self._receive = [], receive

    def write(self, text: str) -> None:
        """Write a line of the SDK.

        Raises:
            OSError: if the client is gone.
        """
        if self._answered is not None:
            message = json.loads(text)
            if "method" not in message and message.get("id") == self._answered:
                self._answered = None
                return
        rest = memoryview(text.encode())
        while rest:
            rest = rest[os.write(self._sink, rest) :]

    def _read(self) -> None:
        rest = b""
        with contextlib.suppress(OSError):  # a terminal that was closed has ended, too
            while chunk := os.read(self._source, CHUNK):
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    self._take(line.decode("utf-8", "replace"))
        self.ended.set()
        self._take(None)

    def _take(self, line: str | None) -> None:
        if line and not self._opened:
            self._opened = True
            self._greet(line)
        with self._turn:
            if self._receive is not None:
                self._receive(line)
            else:
                self._waiting.append(line)

    def _greet(self, line: str) -> None:
        answer = first_answer(line)
        if answer is not None:
            with contextlib.suppress(OSError):  # the client is gone; the end of its input says so, too
                self.write(json.dumps(answer) + "\n")
                self._answered = answer["id"]


wire: ContextVar[Wire | None] = ContextVar("wire", default=None)
"""The wire of a client that has started this program and was greeted already."""


def first_answer(line: str) -> dict[str, Any] | None:
    """Return the answer to a client's first message, if that is ``initialize``; the SDK answers any other."""
    try:
        message = json.loads(line)
        wanted = message["params"]["protocolVersion"]
        known = message["method"] == "initialize" and isinstance(message["id"], str | int)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    from importlib.metadata import version  # with its parser of mail headers: every command would wait for it

    result = {
        "protocolVersion": wanted if wanted in PROTOCOLS else PROTOCOLS[-1],
        "capabilities": CAPABILITIES,
        "serverInfo": {"name": NAME, "title": TITLE, "version": version("ftdojo")},
        "instructions": INSTRUCTIONS,
    }
    return {"jsonrpc": "2.0", "id": message["id"], "result": result} if known else None


def is_client(descriptor: int) -> bool:
    """Whether a program is at the other end of standard input, and not a person or nobody."""
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def begin(arguments: Sequence[str]) -> Wire | None:
    """Return the wire, if these arguments of ``ftdojo`` serve an episode to a client that has started this program."""
    elsewhere = ("--http", "--start", "--help")
    serves = arguments[:1] == ["mcp"] and not any(argument.startswith(elsewhere) for argument in arguments)
    return Wire() if serves and is_client(0) else None
