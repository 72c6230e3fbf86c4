import ctypes
import os
import platform

libc = ctypes.CDLL(None, use_errno=True)
add_key, request_key, keyctl = {"x86_64": (248, 249, 250), "aarch64": (217, 218, 219)}[platform.machine()]


def refused(result: int) -> None:
    if result != -1:
        raise SystemExit(0)
    print(os.strerror(ctypes.get_errno()))


refused(libc.syscall(add_key, b"user", b"planted", b"x", 1, -3))  # KEY_SPEC_SESSION_KEYRING
refused(libc.syscall(keyctl, 0, -3, 1, 0, 0))  # KEYCTL_GET_KEYRING_ID
refused(libc.syscall(request_key, b"user", b"planted", None, -3))
raise SystemExit("all refused")
