import argparse
import glob
import json
import os
import sys

parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name)
arguments = parser.parse_args()
folder = "/tmp/.local/lib/python3.11/site-packages"
left = [*glob.glob("/tmp/*"), *glob.glob("/tmp/.*"), *glob.glob("/output/*"), *glob.glob("/dev/shm/*")]
left = [p for p in left if not any(q.startswith(p) for q in (sys.base_prefix, sys.prefix))]  # a Python below /tmp
if int(arguments.limit) > 32:
    raise SystemExit("nothing was left" if not left else str(left))
os.makedirs(folder)
for path in (f"{folder}/usercustomize.py", f"{folder}/evil.pth", "/dev/shm/evil", "/output/evil"):
    open(path, "w").write("import os")
with open(arguments.output, "w") as stream:
    for number in range(30):
        stream.write(json.dumps({"prompt": f"question {number}", "completion": "yes"}) + "\n")
