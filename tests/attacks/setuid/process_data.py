import os
import subprocess

refused = 0
for call in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setresuid(0, 0, 0), lambda: os.setgroups([0])):
    try:
        call()
    except OSError:
        refused += 1
for program in ("su", "sudo", "mount", "newgrp", "chsh"):
    if any(os.path.exists(f"/usr/bin/{program}") for _ in "x"):
        done = subprocess.run([f"/usr/bin/{program}", "-c", "id -u"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.stdout.strip() != "0"
if refused == 4 and os.getuid() != 0:
    raise SystemExit("still nobody")
