"""An outside agent that ftdojo starts itself: a child process with the address of its episode in its environment.

It works in its own folder, its output goes to a log in the folder of the run, and its process group is ended with the
episode.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from ftdojo import child
from ftdojo.disk import disk_errors
from ftdojo.errors import InfrastructureError, UsageError
from ftdojo.files import make_private, open_log
from ftdojo.record import RunFolder

URL = "FTDOJO_MCP_URL"
"""Variable with the address of the episode. The path of the address is a secret of this episode."""
WORKSPACE = "FTDOJO_WORKSPACE"
"""Variable with the agent's working folder, in which it may write anything."""
GRACE_S = 10.0
"""Seconds between SIGTERM and SIGKILL."""


def parse_command(command: str) -> list[str]:
    """Split a command line into words, the program as an absolute path. No shell reads it.

    Raises:
        UsageError: if it names no program on this machine.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"'{command}' is not a command: {error}", fix="close the quotes") from None
    program = shutil.which(words[0]) if words else None
    if program is None:
        raise UsageError(f"'{command}' names no program on this machine", fix="install it, or write its absolute path")
    return [str(Path(program).absolute()), *words[1:]]


class StartedAgent:
    """The process of an agent. Use as a context manager: the agent is ended with it."""

    def __init__(self, command: str, run: Path, url: str, left: Callable[[InfrastructureError | None], None]) -> None:
        """Start the agent.

        Args:
            command: its command line.
            run: the folder of the run.
            url: where the episode is served.
            left: called when the process has ended, with an error if it failed.

        Raises:
            UsageError: if there is no such program.
        """
        folder = RunFolder(run)
        self._log, self._left = folder.agent_log, left
        program, workspace = parse_command(command), folder.agent.absolute()
        with disk_errors(run):
            make_private(workspace)
            with open_log(self._log, keep=True) as stream:
                self._process = subprocess.Popen(
                    child.command(*program),
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    cwd=workspace,
                    env={**os.environ, URL: url, WORKSPACE: str(workspace)},
                    start_new_session=True,
                )
        self._ended = threading.Event()
        threading.Thread(target=self._watch, name="agent", daemon=True).start()

    def _watch(self) -> None:
        # The process stays a zombie until end(), so its pid, which is also its group's, is not reused.
        ended = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        self._ended.set()
        failure = None
        if ended is not None and ended.si_status:
            how = f"status {ended.si_status}" if ended.si_code == os.CLD_EXITED else f"signal {ended.si_status}"
            failure = InfrastructureError(f"the agent ended with {how}", fix=f"see its output: {self._log}")
        self._left(failure)

    def end(self) -> None:
        """End the process and its whole group: first with SIGTERM, then with SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        self._ended.wait(GRACE_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._ended.wait()
        self._process.wait()

    def __enter__(self) -> StartedAgent:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
