from pathlib import Path


def write(folder: Path, facts: dict[str, str]) -> None:
    for name in ("train.yaml", "weights.bin"):
        with (folder / name).open("wb") as stream:
            stream.truncate(2**40)
