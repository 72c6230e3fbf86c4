import os

from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    (place / "run/report.html").unlink(missing_ok=True)
    os.mkfifo(place / "run/report.html")
