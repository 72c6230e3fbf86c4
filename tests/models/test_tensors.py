"""Files of tensors that are written one at a time."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from ftdojo.models.info import headers
from ftdojo.models.tensors import StoredTensors, write_tensors


def test_a_file_is_the_one_that_the_library_writes(tmp_path: Path) -> None:
    types = {"b": torch.bfloat16, "a": torch.float16, 'ä "quoted"': torch.float32, "c": torch.float32}
    tensors = {name: torch.randn(3, 2 + i).to(dtype) for i, (name, dtype) in enumerate(types.items())}
    tensors |= {"scalar": torch.tensor(1.5), "empty": torch.zeros(0, 4), "turned": torch.randn(2, 5).T}
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    (tmp_path / "whole").mkdir()
    save_file(whole, tmp_path / "whole" / "model.safetensors", metadata={"format": "pt"})
    write_tensors(tmp_path / "model.safetensors", headers(tmp_path / "whole"), tensors)
    assert (tmp_path / "model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()
    read = StoredTensors(tmp_path)
    assert dict(read).keys() == tensors.keys()
    assert all(read[name].equal(tensors[name]) for name in tensors)
    assert read.shapes["turned"] == [5, 2]
