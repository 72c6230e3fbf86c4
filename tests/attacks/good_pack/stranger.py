from pathlib import Path

from packs import make_contest


def prepare(place: Path, secret: Path) -> None:
    make_contest(place / "contest", place / "task", {place / "model": place / "run"})
