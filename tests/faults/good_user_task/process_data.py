import argparse
import json

parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name)
arguments = parser.parse_args()
PROMPT = """Fill in the record for this support ticket. Reply with one line of JSON:
{"product": "...", "category": "...", "urgency": "...", "order_id": "..."}
product: laptop, phone, headphones, printer, router, camera
category: defect, delivery, return, billing, question
urgency: low, normal, high
order_id: text, or null

Ticket: """
KEYS = {"product", "category", "urgency", "order_id"}
rows = []
for line in open(f"{arguments.input}/train.jsonl", encoding="utf-8"):
    raw = json.loads(line)
    text = raw["answer"].replace("```json", "").replace("```", "")
    try:
        answer = json.loads(text)
    except ValueError:
        continue
    if isinstance(answer, dict) and answer.keys() >= KEYS:
        rows.append({"prompt": PROMPT + raw["ticket"], "completion": json.dumps(answer)})
rows = rows[: int(arguments.limit)]

with open(arguments.output, "w", encoding="utf-8") as stream:
    for row in rows:
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")
