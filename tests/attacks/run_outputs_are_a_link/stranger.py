from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    (place / "run/sealed/best.jsonl").unlink()
    (place / "run/sealed/best.jsonl").symlink_to(secret / "rows.jsonl")
