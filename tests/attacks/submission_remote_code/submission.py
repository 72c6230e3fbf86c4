from pathlib import Path


def write(folder: Path, facts: dict[str, str]) -> None:
    with (folder / "train.yaml").open("a") as stream:
        stream.write("trust_remote_code: true\nbase: " + facts["SECRET"] + "\n")
