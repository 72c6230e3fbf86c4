from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    (place / "model/tokenizer.json").write_text('{"model": {"type": "\\u001b[2J"}}')
