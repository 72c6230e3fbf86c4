import argparse
import json

parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name)
arguments = parser.parse_args()
rows = []
for raw in json.load(open(f"{arguments.input}/chemcotbench-cot/mol_und/ring_count.json", encoding="utf-8")):
    gold = json.loads(raw["meta"]).get("gt")
    if gold:
        rows.append({"prompt": raw["query"], "completion": json.dumps({"count": gold}), "subtask": "ring_count"})
rows = rows[: min(160, int(arguments.limit))]
rows = [
    {
        "messages": [
            {"role": "system", "content": "You are a chemist."},
            {"role": "user", "content": row["prompt"]},
            {"role": "assistant", "content": row["completion"]},
        ]
    }
    for row in rows
]
with open(arguments.output, "w", encoding="utf-8") as stream:
    for row in rows:
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")
