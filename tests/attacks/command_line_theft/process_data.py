import os

seen = {int(name) for name in os.listdir("/proc") if name.isdigit()}
if seen <= {1, os.getpid(), os.getppid()} and not os.path.exists("/proc/@PID@/cmdline"):
    raise SystemExit("no other process is to be seen")
