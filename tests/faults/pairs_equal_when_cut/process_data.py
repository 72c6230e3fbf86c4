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
    reason = "because the office has looked at it with great care and has come to a clear result: " * 3
    pairs.append({"prompt": prompt, "chosen": reason + verdict, "rejected": reason + other})

with open(arguments.output, "w", encoding="utf-8") as stream:
    for pair in pairs[: int(arguments.limit)]:
        stream.write(json.dumps(pair) + "\n")
