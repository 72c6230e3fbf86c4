refused = 0
paths = ("/x", "/usr/x", "/etc/x", "/program/x", "/program/process_data.py", "/input/train.jsonl", "/input/x", "/output/../x",
         "/proc/sys/kernel/core_pattern", "/sys/x", "/dev/x", "@SECRET@/key", "@SECRET@/x")
for path in paths:
    try:
        open(path, "ab").close()
    except OSError:
        refused += 1
if refused == len(paths):
    raise SystemExit("all refused")
