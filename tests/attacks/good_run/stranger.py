from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    (place / "run/notes").symlink_to(secret)
    (place / "link").symlink_to(place / "run")
