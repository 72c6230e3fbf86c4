import argparse
import json

parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name)
arguments = parser.parse_args()
raw = [json.loads(line) for line in open(f"{arguments.input}/train.jsonl", encoding="utf-8")]

import ftdojo_llm

rows = raw[: int(arguments.limit)]
assert ftdojo_llm.models() == ["self"]
answers = ftdojo_llm.ask_all([row["request"] for row in rows], model="self", max_tokens=4)
verdicts = ftdojo_llm.score(rows, [answer or "" for answer in answers])

with open(arguments.output, "w", encoding="utf-8") as stream:
    for row, answer, verdict in zip(rows, answers, verdicts):
        right = answer if verdict["error"] is None else row["verdict"]
        stream.write(json.dumps({"prompt": row["request"], "completion": right}) + "\n")
