from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    (place / "run/report.html").write_text("moved")
