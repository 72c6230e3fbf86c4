from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    (place / "task/task.toml").unlink(missing_ok=True)
    (place / "task/task.toml").symlink_to(secret / "key")
