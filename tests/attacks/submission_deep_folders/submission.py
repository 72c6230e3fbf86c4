import os
from pathlib import Path


def write(folder: Path, facts: dict[str, str]) -> None:
    (folder / "plan.yaml").write_text("parent: -1\n")
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)
