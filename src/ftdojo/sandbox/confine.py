"""The third wall, put up from inside: Landlock. Mounted alone into a sandbox, it becomes the program that it is given.

    python confine.py WRITABLE_FOLDER PROGRAM [ARGUMENT ...]

What the program may write repeats what bubblewrap has mounted, should a mount go wrong. What is new: it and all that it
starts can neither trace nor signal what was there before, such as bubblewrap's init, which is the same user's. A kernel
without Landlock (before 5.13, or switched off) goes without; ``ftdojo doctor`` says so.

The kernel's interface (landlock(7)) is spoken to directly: this runs before every program, and the library for it takes
longer to import than most of them take.
"""

import ctypes
import os
import struct
import sys

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""System calls, by the same numbers on every architecture."""
VERSION, PATH_BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_CHAR, MAKE_BLOCK, IOCTL_DEV = 1 << 6, 1 << 11, 1 << 15
ABSTRACT_SOCKETS, SIGNALS = 1 << 0, 1 << 1


def known_rights(version: int) -> int:
    """All rights on files that a kernel with this version of Landlock knows."""
    return (1 << (13 + (version >= 2) + (version >= 3) + (version >= 5))) - 1


def confine(writable: str) -> None:
    """Put this process behind the wall, if the kernel has it."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    version = call(CREATE_RULESET, None, 0, VERSION)
    if version < 1:
        return
    rights = known_rights(version)
    scoped = (ABSTRACT_SOCKETS | SIGNALS) if version >= 6 else 0
    ruleset = struct.pack("QQQ", rights, 0, scoped)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    rules = check_result(call(CREATE_RULESET, ruleset, len(ruleset), 0))
    everything_but_devices = rights & ~(MAKE_CHAR | MAKE_BLOCK)
    allowed = {
        "/": EXECUTE | READ_FILE | READ_DIR,
        **dict.fromkeys(("/dev", "/proc"), WRITE_FILE | IOCTL_DEV),
        **dict.fromkeys((writable, "/tmp", "/dev/shm"), everything_but_devices),  # noqa: S108
    }
    for path, access in allowed.items():
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
        check_result(call(ADD_RULE, rules, PATH_BENEATH, struct.pack("=Qi", access & rights, folder), 0))
        os.close(folder)
    check_result(call(RESTRICT_SELF, rules, 0))
    os.close(rules)


def check_result(result: int) -> int:
    """The result of a system call that must not fail."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


if __name__ == "__main__":
    confine(sys.argv[1])
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - the program is the point
