from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    (place / "model/model.safetensors").unlink()
    (place / "model/model.safetensors").symlink_to(secret / "key")
