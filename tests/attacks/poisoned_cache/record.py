from pathlib import Path


def tamper(place: Path) -> None:
    for path in (place / "home/stages/rows").glob("*/rows.jsonl"):
        path.write_text(path.read_text().replace("yes", "no"))
