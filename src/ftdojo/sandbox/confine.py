"""The third wall, put up from inside: Landlock. Mounted alone into a sandbox, it becomes the program that it is given.

    python confine.py WRITABLE_FOLDER PROGRAM [ARGUMENT ...]

What the program may write repeats what bubblewrap has mounted, should a mount go wrong. What is new: it and all that it
starts can neither trace nor signal what was there before, such as bubblewrap's init, which is the same user's.
A kernel without Landlock (before 5.13, or switched off) goes without; ``ftdojo doctor`` says so.
"""

from __future__ import annotations

import contextlib
import os
import sys

from py_landlock import AccessFs, Landlock, LandlockDisabledError, LandlockNotAvailableError


def main() -> None:
    """See the module's docstring."""
    writable, *program = sys.argv[1:]
    wall = Landlock(strict=False)  # with what this kernel's version knows
    wall.allow_read("/").allow_execute("/").allow_all_network()
    wall.add_path_rule("/dev", "/proc", access=AccessFs.WRITE_FILE | AccessFs.IOCTL_DEV)
    everything_but_devices = ~(AccessFs.MAKE_CHAR | AccessFs.MAKE_BLOCK)
    wall.add_path_rule(writable, "/tmp", "/dev/shm", access=everything_but_devices)  # noqa: S108
    with contextlib.suppress(LandlockNotAvailableError, LandlockDisabledError):
        wall.apply()
    os.execvp(program[0], program)  # noqa: S606 - the program is the point


if __name__ == "__main__":
    main()
