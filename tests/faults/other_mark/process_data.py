import argparse
import json

parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name)
arguments = parser.parse_args()
rows = []
for raw in json.load(open(f"{arguments.input}/deepscaler.json", encoding="utf-8")):
    if str(raw["answer"]).isdigit():
        prompt = raw["problem"] + "\nRemember to put your final answer within \\boxed{}."
        rows.append({"prompt": prompt, "completion": "\\boxed{" + str(raw["answer"]) + "}"})
rows = rows[: min(160, int(arguments.limit))]
for row in rows:
    row["completion"] = f"The answer is {row['completion'][7:-1]}."
with open(arguments.output, "w", encoding="utf-8") as stream:
    for row in rows:
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")
