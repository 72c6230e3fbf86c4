from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    (place / "link").symlink_to(place / "task")
    (place / "task/rows").mkdir()
    (place / "task/train.jsonl").rename(place / "task/rows/train.jsonl")
    (place / "task/train.jsonl").symlink_to("rows/train.jsonl")
    (place / "task/tools").mkdir()
    (place / "task/tools/notes").symlink_to(secret)
