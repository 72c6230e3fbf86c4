"""The tensors in the safetensors files of a model's folder, read and written one at a time."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftdojo.models.info import weight_files

if TYPE_CHECKING:
    import torch


WIDTHS = {"F32": 4, "BF16": 2, "F16": 2}
"""Bytes of a number in the precisions that are written, in the order in which the library writes them."""


class StoredTensors(Mapping[str, "torch.Tensor"]):
    """The tensors of all files of a folder by name, read one at a time, each in the precision that it is stored in."""

    def __init__(self, folder: Path) -> None:
        """Open the files.

        Raises:
            SafetensorError: if one of them cannot be read.
        """
        from safetensors import safe_open

        files: dict[str, Any] = {path.name: safe_open(path, "pt") for path in weight_files(folder)}
        self.files: dict[str, list[str]] = {name: list(file.keys()) for name, file in files.items()}
        """Name of a file -> those of its tensors."""
        self._where = {tensor: files[name] for name, tensors in self.files.items() for tensor in tensors}
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


def write_tensors(path: Path, forms: Mapping[str, Mapping[str, Any]], tensors: Mapping[str, torch.Tensor]) -> None:
    """Write a file as ``safetensors.torch.save_file`` does, with one tensor at a time in memory.

    Args:
        path: the file.
        forms: for each tensor its ``dtype``, one of :data:`WIDTHS`, and its ``shape``.
        tensors: at least the same names; each is asked for once.
    """
    import torch

    names = sorted(forms, key=lambda name: (list(WIDTHS).index(forms[name]["dtype"]), name))
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name in names:
        begin, end = end, end + WIDTHS[forms[name]["dtype"]] * math.prod(forms[name]["shape"])
        header[name] = {"dtype": forms[name]["dtype"], "shape": forms[name]["shape"], "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        for name in names:
            stream.write(tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy().data)
