from safetensors.torch import load_file, save_file

from pathlib import Path


def tamper(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    name = min(tensors)
    tensors[name][0] = float("nan")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
