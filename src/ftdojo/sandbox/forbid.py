"""Apply the list of forbidden system calls from inside: for containers, whose engines do not accept it in this form.

    python forbid.py FILTER_FILE PROGRAM [ARGUMENT ...]

Mounted alone into a container, it executes the program that it is given. The engine's own filter also stays in force.
The kernel accepts a filter from this unprivileged process because it can no longer gain privileges (seccomp(2)).
"""

import ctypes
import os
import sys
from pathlib import Path

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
INSTRUCTION_BYTES = 8


class Filter(ctypes.Structure):
    """``struct sock_fprog`` of ``linux/filter.h``."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def forbid(instructions: bytes) -> None:
    """Apply a filter to this process and all its children from now on."""
    taken = Filter(len(instructions) // INSTRUCTION_BYTES, instructions)
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(taken), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    forbid(Path(sys.argv[1]).read_bytes())
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - running the program is the purpose
