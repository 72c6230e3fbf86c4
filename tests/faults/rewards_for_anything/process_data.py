import argparse
import json

parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name)
arguments = parser.parse_args()
lines = open(f"{arguments.input}/train.jsonl", encoding="utf-8").read().splitlines()
with open(arguments.output, "w", encoding="utf-8") as stream:
    for line in lines[: int(arguments.limit)]:
        raw = json.loads(line)
        stream.write(json.dumps({"item": raw}) + "\n")
