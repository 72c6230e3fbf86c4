import glob
import os

found = [path for place in ("root", "cwd") for path in glob.glob(f"/proc/*/{place}") if os.path.exists(path + "@TEST@")]
up = "../" * 30
found += [path for path in (up + "@TEST@", "/proc/self/cwd/" + up + "@TEST@") if os.path.exists(path)]
if not found:
    raise SystemExit("nothing found")
print(open(found[0]).read())
