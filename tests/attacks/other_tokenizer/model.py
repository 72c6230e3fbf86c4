from pathlib import Path


def tamper(folder: Path) -> None:
    path = folder / "tokenizer.json"
    path.write_text(path.read_text().replace('"Ġyes"', '"Ġyess"', 1) + "\n")
