from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    (place / "task/train.jsonl").unlink(missing_ok=True)
    (place / "task/train.jsonl").symlink_to(secret / "rows.jsonl")
