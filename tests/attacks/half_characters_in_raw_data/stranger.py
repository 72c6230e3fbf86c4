from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    with (place / "task/train.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"request": "Ann asks \\ud83d", "verdict": "yes", "\\ud800": 1}\n')
