import argparse
import json

parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name)
arguments = parser.parse_args()
raw = [json.loads(line) for line in open(f"{arguments.input}/train.jsonl", encoding="utf-8")]
rows = [{"prompt": row["request"], "completion": row["verdict"]} for row in raw][: int(arguments.limit)]

import os
import subprocess
import sys

told = subprocess.run(
    [sys.executable, "-c", "import os; print(os.environ['MINE'])"],
    env={**os.environ, "MINE": "value"}, capture_output=True, text=True, check=True,
)
assert told.stdout == "value\n"
assert os.environ["HOME"] == "/tmp"
assert os.path.realpath("/proc/self/exe") == os.path.realpath(sys.executable)

with open(arguments.output, "w", encoding="utf-8") as stream:
    for row in rows:
        stream.write(json.dumps(row) + "\n")
