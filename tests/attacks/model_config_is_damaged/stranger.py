from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    (place / "model/model.safetensors").write_bytes(b"\xff" * 16)
