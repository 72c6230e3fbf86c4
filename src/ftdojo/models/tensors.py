"""The tensors in the safetensors files of a model's folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftdojo.models.info import weight_files

if TYPE_CHECKING:
    import torch


class StoredTensors(Mapping[str, "torch.Tensor"]):
    """The tensors of all files of a folder by name, read one at a time, each in the precision that it is stored in."""

    def __init__(self, folder: Path) -> None:
        """Open the files.

        Raises:
            SafetensorError: if one of them cannot be read.
        """
        from safetensors import safe_open

        files: list[Any] = [safe_open(path, "pt") for path in weight_files(folder)]
        self._where = {name: file for file in files for name in file.keys()}  # noqa: SIM118 - no mapping
        self.shapes: dict[str, list[int]] = {
            name: list(file.get_slice(name).get_shape()) for name, file in self._where.items()
        }

    def __getitem__(self, name: str) -> torch.Tensor:
        tensor: torch.Tensor = self._where[name].get_tensor(name)
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._where)

    def __len__(self) -> int:
        return len(self._where)
