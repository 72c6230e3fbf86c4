import os
import time

for _ in range(5):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execv("/bin/sleep", ["sleep", "@MARKER@"])
        os._exit(0)
time.sleep(60)
