from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    (place / "run/ledger.sqlite-wal").unlink(missing_ok=True)
    (place / "run/ledger.sqlite-wal").symlink_to(secret / "key")
