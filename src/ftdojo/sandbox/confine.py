"""The third wall, applied from inside: Landlock. Mounted alone into a sandbox; it executes the program it is given.

    python confine.py WRITABLE_FOLDER PROGRAM [ARGUMENT ...]

The writable paths repeat bubblewrap's mounts, in case a mount is wrong. In addition, the program and its children can
neither trace nor signal processes that existed before, such as bubblewrap's init, which has the same user. A kernel
without Landlock (before 5.13, or disabled) does not have this wall; ``ftdojo doctor`` reports it.

The kernel's interface (landlock(7)) is called directly: this runs before every program, and importing the library for
it takes longer than most programs run.
"""

import ctypes
import os
import struct
import sys

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""Numbers of system calls, the same on every architecture."""
VERSION, PATH_BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_CHAR, MAKE_BLOCK, IOCTL_DEV = 1 << 6, 1 << 11, 1 << 15
ABSTRACT_SOCKETS, SIGNALS = 1 << 0, 1 << 1


def known_rights(version: int) -> int:
    """All file access rights that this version of Landlock knows, as a bit mask."""
    return (1 << (13 + (version >= 2) + (version >= 3) + (version >= 5))) - 1


def confine(writable: str) -> None:
    """Restrict this process with Landlock, if the kernel has it; only ``writable`` and scratch space stay writable."""
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
    """Return the result of a system call that must not fail.

    Raises:
        OSError: if it failed.
    """
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


if __name__ == "__main__":
    confine(sys.argv[1])
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - running the program is the purpose
