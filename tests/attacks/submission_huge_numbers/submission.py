from pathlib import Path


def write(folder: Path, facts: dict[str, str]) -> None:
    (folder / "train.yaml").write_text("method: full\nlearning_rate: .nan\nepochs: .inf\nbatch_size: " + "9" * 4000 + "\nmax_length: 64\n")
