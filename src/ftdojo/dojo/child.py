"""Start a program that dies with its parent: the grading of a run, the jobs of a contest. Run as a script, with the
standard library only.

python child.py PARENT_PID PROGRAM [ARGUMENT ...]
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From ``linux/prctl.h``. The kernel keeps the wish when the program is replaced."""


def main() -> None:
    """See the module's docstring."""
    parent, *program = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == int(parent):  # else it died before this process could ask
        os.execv(program[0], program)  # noqa: S606 - no shell is meant


if __name__ == "__main__":
    main()
