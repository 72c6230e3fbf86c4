"""How an episode is interrupted: by its owner, by a client that ends its server, or because the agent has left.

A client ends a server by closing its standard input, then by SIGINT or SIGTERM, and kills it 0.1 to 2 seconds later.
That is too short for scoring test. So a process whose agent has finished, and that gets such a signal, starts the same
command as a process of its own, which has no agent and finishes the run.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from ftdojo import child
from ftdojo.disk import disk_errors
from ftdojo.files import make_private, open_log
from ftdojo.outside.seat import AgentLeft, Cancelled, Seat

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FINISH = "--finish-when-left"


class Signals:
    """Handles the signals of an episode in the main thread. Use as a context manager.

    :data:`ENDS` raise :class:`KeyboardInterrupt`, once. The seat raises :class:`AgentLeft` and :class:`Cancelled`.
    """

    def __init__(self, seat: Seat, log: Path, *, client: bool) -> None:
        """Prepare; nothing is handled yet.

        Args:
            seat: the agent's seat.
            log: the file for the output of a process that finishes the run.
            client: whether a client has started this process, and may end it.
        """
        self._seat, self._log = seat, log
        self._client = client
        self._wanted: type[BaseException] | None = None
        self._ending = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in ENDS:
            self._before[number] = signal.signal(number, self._end)
        self._before[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, self._raise)
        self._seat.interrupt = self._interrupt
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._seat.interrupt = lambda _: None
        for number, handler in self._before.items():  # a process that is ending already needs no second signal
            signal.signal(number, signal.SIG_IGN if self._ending else handler)

    def _interrupt(self, kind: type[Cancelled] | type[AgentLeft]) -> None:
        self._wanted = kind
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGUSR1)

    def _raise(self, _: int, __: FrameType | None) -> None:
        wanted, self._wanted = self._wanted, None
        if self._ending or self._seat.result is not None or self._seat.failure is not None:
            return
        if wanted is Cancelled and self._seat.works:
            raise Cancelled
        if wanted is AgentLeft:
            self._ending = True
            raise AgentLeft

    def _end(self, _: int, __: FrameType | None) -> None:
        if self._ending:
            return
        self._ending = True
        finished = self._seat.stopping or (self._seat.finish_when_left and self._seat.room is not None)
        if self._client and finished and self._seat.result is None:
            self._hand_over()
        raise KeyboardInterrupt

    def _hand_over(self) -> None:
        """Start the process that finishes the run. It waits until this one has released the run."""
        arguments = sys.argv[1:] if FINISH in sys.argv else [*sys.argv[1:], FINISH]
        with disk_errors(self._log.parent):
            make_private(self._log.parent)
            with open_log(self._log, keep=True) as stream:
                subprocess.Popen(
                    child.module("ftdojo", *arguments),
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=stream,
                    start_new_session=True,
                )
