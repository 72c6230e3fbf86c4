from safetensors.torch import load_file, save_file

from pathlib import Path


def tamper(place: Path) -> None:
    path = place / "run/model/model.safetensors"
    save_file({name: tensor * 2 for name, tensor in load_file(path).items()}, path, metadata={"format": "pt"})
