import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def refused(result: int) -> None:
    if result != -1:
        raise SystemExit(0)
    print(os.strerror(ctypes.get_errno()))


refused(libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))
refused(libc.mount(b"proc", b"/tmp", b"proc", 0, None))
refused(libc.mount(None, b"/input", None, 0x20 | 0x1000, None))  # MS_REMOUNT | MS_BIND
refused(libc.umount2(b"/input", 2))
refused(libc.chroot(b"/tmp"))
raise SystemExit("all refused")
