import os
import subprocess
import sys

code = """
import os
os.mkdir('/output/a')
while True:
    os.rename('/output/a', '/output/b')
    os.symlink('@SECRET@', '/output/a')
    os.unlink('/output/a')
    os.rename('/output/b', '/output/a')
"""
subprocess.Popen([sys.executable, "-c", code])
import time

time.sleep(0.7)
