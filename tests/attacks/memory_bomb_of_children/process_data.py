import os
import time

for _ in range(20):
    if os.fork() == 0:
        held = os.urandom(1) * (20 * 2**20)
        time.sleep(60)
time.sleep(60)
