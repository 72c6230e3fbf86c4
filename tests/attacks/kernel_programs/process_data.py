import ctypes
import os
import platform

libc = ctypes.CDLL(None, use_errno=True)
x86 = platform.machine() == "x86_64"
calls = {"io_uring_setup": 425, "userfaultfd": 323 if x86 else 282, "bpf": 321 if x86 else 280, "clone3": 435,
         "perf_event_open": 298 if x86 else 241, "process_vm_readv": 310 if x86 else 270}
room = ctypes.create_string_buffer(256)
for name, number in calls.items():
    if libc.syscall(number, 8, room, 0, 0, 0, 0) != -1 or ctypes.get_errno() not in (1, 38):  # EPERM, ENOSYS
        print(name, os.strerror(ctypes.get_errno()))
        raise SystemExit(0)
raise SystemExit("all refused")
