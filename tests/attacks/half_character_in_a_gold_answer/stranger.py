from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    with (place / "task/eval.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"request": "Ann asks", "verdict": "yes \\udc00"}\n')
