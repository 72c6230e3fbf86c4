import glob
import os

found = []
for path in glob.glob("/proc/*/fd/*") + glob.glob("/proc/*/task/*/fd/*"):
    try:
        content = open(path, "rb").read(4096) if os.path.isfile(path) else b""
    except OSError:
        continue
    if b"Request" in content:
        found.append(content)
left = sorted(int(number) for number in os.listdir("/proc/self/fd"))
if not found and left[:-1] == [0, 1, 2]:  # the last is that of listdir itself
    raise SystemExit("nothing found")
print(found, left)
