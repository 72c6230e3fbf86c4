from pathlib import Path


def tamper(place: Path) -> None:
    with (place / "run/submissions/001/train.yaml").open("a") as stream:
        stream.write("# better\n")
