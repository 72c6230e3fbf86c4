import os
from pathlib import Path


def write(folder: Path, facts: dict[str, str]) -> None:
    (folder / "plan.yaml").unlink()
    os.mkfifo(folder / "plan.yaml")
