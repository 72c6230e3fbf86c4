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
    given = [{"role": "user", "content": prompt}]
    for wrong in (other, "perhaps"):
        answers = [[{"role": "assistant", "content": text}] for text in (verdict, wrong)]
        pairs.append({"prompt": given, "chosen": answers[0], "rejected": answers[1]})

with open(arguments.output, "w", encoding="utf-8") as stream:
    for pair in pairs[: int(arguments.limit)]:
        stream.write(json.dumps(pair) + "\n")
