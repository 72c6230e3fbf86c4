from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    (place / "suite/leaderboard.html").unlink(missing_ok=True)
    (place / "suite/leaderboard.html").symlink_to(secret / "key")
