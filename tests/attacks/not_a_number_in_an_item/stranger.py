from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    with (place / "task/eval.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"request": NaN, "verdict": "no", "id": NaN}\n')
