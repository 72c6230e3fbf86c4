import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def refused(result: int) -> None:
    if result != -1:
        raise SystemExit(0)
    print(os.strerror(ctypes.get_errno()))


refused(libc.sethostname(b"owned", 5))
refused(libc.settimeofday((ctypes.c_long * 2)(0, 0), None))
refused(libc.setpriority(0, 0, -10))
refused(libc.reboot(0x89ABCDEF))
refused(libc.swapoff(b"/dev/null"))
try:
    import resource

    resource.setrlimit(resource.RLIMIT_NPROC, (10**6, 10**6))
except (ValueError, OSError):
    pass
else:
    raise SystemExit(0)
raise SystemExit("all refused")
