import os
import sys
import time

while True:
    try:
        child = os.fork()
    except OSError:
        sys.exit("no more processes")
    if not child:
        time.sleep(float("@MARKER@"))
