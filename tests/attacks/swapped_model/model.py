import torch
from safetensors.torch import load_file, save_file

from pathlib import Path


def tamper(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    generator = torch.Generator().manual_seed(1)
    swapped = {name: torch.randn(tensor.shape, generator=generator) for name, tensor in tensors.items()}
    save_file(swapped, folder / "model.safetensors", metadata={"format": "pt"})
