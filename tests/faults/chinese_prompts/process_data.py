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
import re

for i, row in enumerate(rows):
    numbers = "和".join(re.findall(r"\$[^$]*\$", row["prompt"]))
    row["prompt"] = f"第{i}题：下面给出若干个整数，请根据题目的条件计算出最后的结果，并写出答案：{numbers}"
with open(arguments.output, "w", encoding="utf-8") as stream:
    for row in rows:
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")
