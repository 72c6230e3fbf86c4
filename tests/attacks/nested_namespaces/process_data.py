import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def refused(result: int) -> None:
    if result != -1:
        raise SystemExit(0)
    print(os.strerror(ctypes.get_errno()))


for flag in (0x10000000, 0x10000000 | 0x20000, 0x20000, 0x40000000, 0x20000000):  # user, user and mount, mount, net, pid
    refused(libc.unshare(flag))
refused(libc.setns(os.open("/proc/1/ns/user", os.O_RDONLY), 0x10000000) if os.access("/proc/1/ns/user", os.R_OK) else -1)
raise SystemExit("all refused")
