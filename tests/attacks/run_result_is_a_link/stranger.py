from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    (place / "run/result.json").unlink()
    (place / "run/result.json").symlink_to(secret / "key")
