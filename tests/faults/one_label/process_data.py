import argparse
import json

parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name)
arguments = parser.parse_args()
rows = []
for line in open(f"{arguments.input}/train.jsonl", encoding="utf-8"):
    raw = json.loads(line)
    prompt, verdict = raw["request"], raw["verdict"]
    rows.append({"prompt": prompt, "completion": verdict, "label": True})

with open(arguments.output, "w", encoding="utf-8") as stream:
    for row in rows[: int(arguments.limit)]:
        stream.write(json.dumps(row) + "\n")
