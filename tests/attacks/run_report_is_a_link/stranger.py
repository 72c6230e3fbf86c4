from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    (place / "run/report.html").unlink(missing_ok=True)
    (place / "run/report.html").symlink_to(secret / "key")
