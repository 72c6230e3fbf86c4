from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    job = next((place / "suite/jobs").glob("*/*/*/*"))
    job.rename(place / "elsewhere")
    job.symlink_to(place / "elsewhere")
