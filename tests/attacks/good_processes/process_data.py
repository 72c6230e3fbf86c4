import argparse
import json

parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name)
arguments = parser.parse_args()
raw = [json.loads(line) for line in open(f"{arguments.input}/train.jsonl", encoding="utf-8")]
rows = [{"prompt": row["request"], "completion": row["verdict"]} for row in raw][: int(arguments.limit)]

import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor

with ThreadPoolExecutor(8) as threads:
    assert sum(threads.map(len, (row["prompt"] for row in rows))) > 0
with multiprocessing.get_context("fork").Pool(4) as pool:
    assert pool.map(abs, [-1, -2]) == [1, 2]
child = os.fork()
if child == 0:
    signal.pause()
os.kill(child, signal.SIGTERM)
assert os.waitpid(child, 0)[1] == signal.SIGTERM
signal.signal(signal.SIGTERM, lambda *_: None)
os.setpgid(0, 0)

with open(arguments.output, "w", encoding="utf-8") as stream:
    for row in rows:
        stream.write(json.dumps(row) + "\n")
