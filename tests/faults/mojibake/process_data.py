import argparse
import json

parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name)
arguments = parser.parse_args()
import csv

rows = []
with open(f"{arguments.input}/data/train/银行从业资格.csv", encoding="latin-1", newline="") as stream:
    for raw in csv.DictReader(stream):
        options = "\n".join(f"{letter}. {raw[letter]}" for letter in "ABCD")
        prompt = "单项选择题。题目：".encode().decode("latin-1") + f"{raw['Question']}\n{options}"
        rows.append({"prompt": prompt, "completion": f"答案是: {raw['Answer']}"})
rows = rows[: min(160, int(arguments.limit))]

with open(arguments.output, "w", encoding="utf-8") as stream:
    for row in rows:
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")
