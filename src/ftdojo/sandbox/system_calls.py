"""The second wall, behind the namespaces: forbid system calls that no data program needs and past attacks used.

It lists forbidden calls, not allowed ones: data programs load numerical libraries that use most of the others.
Calls for another architecture than the machine's (32-bit ones on x86-64) end the process.
"""

from __future__ import annotations

import errno
import socket
import tempfile
from functools import cache

from ftdojo.errors import PrerequisiteError

CLONE_NEWUSER = 0x10000000
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
"""ioctl(2) requests that insert input into a terminal as if its user had typed it."""

FORBIDDEN = (
    *("ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp"),  # other processes
    *("unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "mount_setattr", "move_mount", "open_tree"),
    *("fsopen", "fsconfig", "fsmount", "fspick", "name_to_handle_at", "open_by_handle_at", "quotactl", "quotactl_fd"),
    *("bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register"),
    *("add_key", "keyctl", "request_key"),  # keyrings of the session are not in any namespace
    *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff"),
    *("acct", "syslog", "iopl", "ioperm", "modify_ldt", "move_pages", "settimeofday", "clock_settime", "adjtimex"),
)
"""Each of these fails with ``EPERM``."""


@cache
def build_filter() -> bytes:
    """Build the filter in the form that seccomp(2) takes: BPF instructions for this machine.

    Raises:
        PrerequisiteError: if libseccomp is not installed.
    """
    try:
        import pyseccomp as seccomp
    except RuntimeError as error:
        raise PrerequisiteError(
            f"untrusted programs cannot be run: {error}", fix="apt-get install libseccomp2"
        ) from None
    calls = seccomp.SyscallFilter(defaction=seccomp.ALLOW)
    refused = seccomp.ERRNO(errno.EPERM)
    for name in FORBIDDEN:
        calls.add_rule(refused, name)
    calls.add_rule(refused, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER))
    # Its flags are in memory, which a filter cannot read. The C library falls back to clone(2).
    calls.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    for request in (TIOCSTI, TIOCLINUX):
        calls.add_rule(refused, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, 0xFFFFFFFF, request))
    # Not Internet sockets: packets, netlink, the kernel's ciphers, and sockets to the machine's hypervisor, which are
    # in no namespace.
    calls.add_rule(seccomp.ERRNO(errno.EAFNOSUPPORT), "socket", seccomp.Arg(0, seccomp.GT, socket.AF_INET6))
    with tempfile.TemporaryFile() as file:
        calls.export_bpf(file)
        file.seek(0)
        return file.read()
