import os
import site
import sysconfig

refused = places = 0
for folder in {*site.getsitepackages(), sysconfig.get_path("stdlib"), "/program"}:
    for name in ("sitecustomize.py", "evil.pth", "__pycache__/json.cpython-311.pyc"):
        places += 1
        try:
            open(os.path.join(folder, name), "wb").close()
        except OSError:
            refused += 1
if refused == places:
    raise SystemExit("all refused")
