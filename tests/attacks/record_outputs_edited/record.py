from pathlib import Path


def tamper(place: Path) -> None:
    path = place / "run/sealed/best.jsonl"
    path.write_text(path.read_text().replace("yes", "no"))
