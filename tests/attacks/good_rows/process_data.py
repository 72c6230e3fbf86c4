import argparse
import json

parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name)
arguments = parser.parse_args()
raw = [json.loads(line) for line in open(f"{arguments.input}/train.jsonl", encoding="utf-8")]
rows = [{"prompt": row["request"], "completion": row["verdict"]} for row in raw][: int(arguments.limit)]

rows[0] = {"prompt": "Antrag \u2116 1\t(10^400 \u20ac, \U0001f600 \\n): Ann bittet um eine Lampe.", "completion": "yes"}
rows[1] = {"prompt": "Form [[[[[[ 123456789012345678901234567890 ]]]]]]: Bob asks for 1e999 keys.", "completion": "no"}

with open(arguments.output, "w", encoding="utf-8") as stream:
    for row in rows:
        stream.write(json.dumps(row) + "\n")
