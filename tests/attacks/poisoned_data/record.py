from pathlib import Path


def tamper(place: Path) -> None:
    for path in (place / "home/data").rglob("sealed/test.jsonl"):
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))
