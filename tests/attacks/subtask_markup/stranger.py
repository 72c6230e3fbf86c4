import json

from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    task = place / "task/task.toml"
    task.write_text(task.read_text("utf-8").replace('answer = "', 'subtask = "kind"\nanswer = "'), "utf-8")
    rows = [{"request": f"Ask {n}: Ann?", "verdict": "yes", "kind": "[/red]\x9b2J", "id": str(n)} for n in range(4)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (place / "task/eval.jsonl").write_text(text)
    (place / "items.jsonl").write_text(text)
    answers = [{"id": row["id"], "output": "yes"} for row in rows]
    (place / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in answers))
