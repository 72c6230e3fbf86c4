import os
import signal

for pid in (1, os.getppid(), @PID@):
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError as error:
        print(type(error).__name__)
try:
    os.kill(-1, signal.SIGTERM)
except OSError as error:  # there is nobody but init and this process
    print(type(error).__name__)
os.killpg(0, signal.SIGKILL)
