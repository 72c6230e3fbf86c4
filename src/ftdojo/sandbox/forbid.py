"""The list of forbidden system calls, put up from inside: for containers, whose engines take none in this form.

    python forbid.py FILTER_FILE PROGRAM [ARGUMENT ...]

Mounted alone into a container, it becomes the program that it is given. The filter of the engine stays in force beside
this one. The kernel takes it from an unprivileged process because that can gain no privileges any more (seccomp(2)).
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
    """Hold this process, and all that it starts, to a filter from now on."""
    taken = Filter(len(instructions) // INSTRUCTION_BYTES, instructions)
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(taken), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    forbid(Path(sys.argv[1]).read_bytes())
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - the program is the point
