from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    for name in ("train", "eval"):
        with (place / f"task/{name}.jsonl").open("a", encoding="utf-8") as stream:
            stream.write('{"request": ' + "9" * 5000 + ', "verdict": "yes"}\n')
