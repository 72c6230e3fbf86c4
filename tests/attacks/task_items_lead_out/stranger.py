from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    (place / "task/eval.jsonl").unlink(missing_ok=True)
    (place / "task/eval.jsonl").symlink_to(secret / "rows.jsonl")
