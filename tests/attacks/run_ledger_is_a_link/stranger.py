from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    ledger = place / "run/ledger.sqlite"
    ledger.rename(place / "elsewhere")
    ledger.symlink_to(place / "elsewhere")
