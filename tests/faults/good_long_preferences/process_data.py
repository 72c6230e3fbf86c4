import argparse
import json

parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name)
arguments = parser.parse_args()
pairs = []
for line in open(f"{arguments.input}/train.jsonl", encoding="utf-8"):
    raw = json.loads(line)
    prompt, verdict = raw["request"], raw["verdict"]
    other = "no" if verdict == "yes" else "yes"
    pairs.append({"prompt": prompt, "chosen": verdict, "rejected": f"{other}, and not before the next week"})

with open(arguments.output, "w", encoding="utf-8") as stream:
    for pair in pairs[: int(arguments.limit)]:
        stream.write(json.dumps(pair) + "\n")
