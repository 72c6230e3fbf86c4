import json

with open("/output/rows.jsonl", "w") as stream:
    for number in range(32):
        stream.write(json.dumps({"prompt": f"q {number}", "completion": "yes", "subtask": f"{number}" * 100_000}) + "\n")
