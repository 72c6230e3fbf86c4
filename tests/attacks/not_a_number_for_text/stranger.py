from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    with (place / "task/train.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"request": -Infinity, "verdict": Infinity}\n{"request": NaN, "verdict": "no", "id": NaN}\n')
    with (place / "task/eval.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"request": "Cid asks for an oak.", "verdict": "yes", "id": NaN, "more": -Infinity}\n')
