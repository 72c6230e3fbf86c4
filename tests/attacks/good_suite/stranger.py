from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    (place / "notes").symlink_to(secret)
