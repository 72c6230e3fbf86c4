from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    (place / "task/task.toml").write_text((place / "task/task.toml").read_text().replace('"exact"', '"scorer.py"'))
    (place / "task/scorer.py").unlink(missing_ok=True)
    (place / "task/scorer.py").symlink_to(secret / "process_data.py")
