import os
from pathlib import Path


def tamper(place: Path) -> None:
    """Read everything, and change the times of all files."""
    for path in place.rglob("*"):
        if path.is_file():
            path.read_bytes()
            os.utime(path, (0, 0))
