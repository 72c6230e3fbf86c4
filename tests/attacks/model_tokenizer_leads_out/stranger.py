from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    (place / "model/tokenizer.json").unlink()
    (place / "model/tokenizer.json").symlink_to(secret / "key")
