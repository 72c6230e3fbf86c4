import argparse
import json

parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name)
arguments = parser.parse_args()
raw = [json.loads(line) for line in open(f"{arguments.input}/train.jsonl", encoding="utf-8")]
rows = [{"prompt": row["request"], "completion": row["verdict"]} for row in raw][: int(arguments.limit)]

import mmap
from multiprocessing.shared_memory import SharedMemory

held = bytearray(20 * 2**20)
mapping = mmap.mmap(-1, 8 * 2**20)
mapping[:4] = b"data"
shared = SharedMemory(create=True, size=2**20)
shared.close()
shared.unlink()

with open(arguments.output, "w", encoding="utf-8") as stream:
    for row in rows:
        stream.write(json.dumps(row) + "\n")
