"""Start a program that dies with its parent: the grading of a run, the jobs of a contest, the processes of a training.
Run as a script, with the standard library only.

python child.py PARENT_PID PROGRAM [ARGUMENT ...]
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PR_SET_PDEATHSIG = 1
"""From ``linux/prctl.h``. The kernel keeps this setting when the program is replaced."""


def command(*program: str) -> list[str]:
    """Return the command line that starts a program which dies with this process."""
    return [sys.executable, __file__, str(os.getpid()), *program]


def module(name: str, *arguments: str) -> tuple[str, ...]:
    """Return the command line that runs an installed module. Python would look for modules in the current folder first,
    which can hold a ``datasets.py`` of the user or of a stranger; ``-P`` leaves it out."""
    return sys.executable, "-P", "-m", name, *arguments


@contextmanager
def running(*program: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Start a program that dies with this process, with these options of ``Popen``. At the end of the block wait for
    it; kill it if an exception leaves the block."""
    with subprocess.Popen(command(*program), encoding="utf-8", **options) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def die_with(parent: int) -> None:
    """Make the kernel kill this process when the process ``parent`` ends; exit at once if it has ended already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def main() -> None:
    """Run the program of the command line: see the module's docstring."""
    parent, *program = sys.argv[1:]
    die_with(int(parent))
    os.execv(program[0], program)  # noqa: S606 - no shell is meant


if __name__ == "__main__":
    main()
