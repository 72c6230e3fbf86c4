"""Starts the command line in forks of one process that has imported the libraries, which takes seconds: for tests that
kill a run and start it again. Each fork is a process of its own, in a session of its own, as a terminal starts it.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Started:
    """A command that was started."""

    pid: int
    place: Path

    def poll(self) -> int | None:
        """Its exit status, negative if a signal ended it; ``None`` while it runs."""
        ended = self.place / "status"
        return int(ended.read_text()) if ended.is_file() else None

    def wait(self, timeout_s: float = 120.0) -> int:
        """Wait for its end."""
        end = time.monotonic() + timeout_s
        while (status := self.poll()) is None:
            assert time.monotonic() < end, f"{self.pid} still runs: {self.err[-2000:]}"
            time.sleep(0.02)
        return status

    @property
    def out(self) -> str:
        """Its standard output."""
        return (self.place / "out").read_text("utf-8")

    @property
    def err(self) -> str:
        """Its standard error."""
        return (self.place / "err").read_text("utf-8")


class Starter:
    """Starts commands, one at a time."""

    def __init__(self, server: subprocess.Popen[str], place: Path) -> None:
        self._server, self._place, self._count = server, place, 0

    def start(self, arguments: Sequence[str], home: Path) -> Started:
        """Start ``ftdojo`` with these arguments; ``home``: its ``FTDOJO_HOME``."""
        self._count += 1
        place = self._place / str(self._count)
        place.mkdir()
        order = {"arguments": list(arguments), "home": str(home), "place": str(place)}
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        return Started(int(self._server.stdout.readline()), place)


@contextmanager
def starter(place: Path) -> Iterator[Starter]:
    """Give a starter, whose process ends with the block; ``place``: where outputs are kept."""
    place.mkdir()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}  # a fork has no threads
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as server:
        yield Starter(server, place)


def _serve() -> None:

    import ftdojo.bench
    import ftdojo.episode
    import ftdojo.report
    import ftdojo.training.sft.trainer  # noqa: F401 - what a run imports
    from ftdojo import cli

    # Imported modules are no garbage, and going through them takes longer than a tiny training.
    gc.collect()
    gc.freeze()

    for line in sys.stdin:
        order = json.loads(line)
        place = Path(order["place"])
        pid = os.fork()
        if pid == 0:
            os.setsid()
            for number, name in ((1, "out"), (2, "err")):
                os.dup2(os.open(place / name, os.O_WRONLY | os.O_CREAT), number)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.environ["FTDOJO_HOME"] = order["home"]
            sys.argv = ["ftdojo", *order["arguments"]]
            status: object = 1
            try:
                cli.main()
                status = 0
            except SystemExit as ended:
                status = ended.code or 0
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status if isinstance(status, int) else 1)
        print(pid, flush=True)  # noqa: T201
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        (place / "new").write_text(str(status))
        (place / "new").rename(place / "status")


if __name__ == "__main__":
    _serve()
