"""The description of a model without loading it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from ftdojo.errors import UsageError
from ftdojo.models import describe, digest, network, require_trainable


def test_the_description_agrees_with_the_loaded_model(tiny_model: Path) -> None:
    info = describe(tiny_model)
    model = network.load(tiny_model, torch.float32, "sdpa")
    assert info.parameters == model.num_parameters()
    assert (info.architecture, info.precision) == ("LlamaForCausalLM", "F32")
    assert (info.layers, info.hidden_size, info.heads, info.context_length) == (2, 64, 4, 1024)
    assert (info.key_value_heads, info.head_size) == (2, 16)


def test_the_embedded_model_has_135_million_parameters(embedded: Path) -> None:
    info = describe(embedded)
    assert (info.parameters, info.precision, info.layers) == (134_515_008, "BF16", 30)


def test_identity_is_content_not_name(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "copy")
    assert digest(tmp_path / "copy") == digest(tiny_model)
    (tmp_path / "copy/README.md").write_text("not part of it")
    assert digest(tmp_path / "copy") == digest(tiny_model)
    template = tmp_path / "copy/chat_template.jinja"
    template.write_text(template.read_text() + " ")
    assert digest(tmp_path / "copy") != digest(tiny_model)


def test_pickled_weights_are_not_read(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "model/model.safetensors").rename(tmp_path / "model/pytorch_model.bin")
    with pytest.raises(UsageError, match="no safetensors") as caught:
        describe(tmp_path / "model")
    assert "can run code" in caught.value.fix


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "is a pointer of Git LFS"),
        (b"", "model.safetensors is empty or cut"),
        (b"{}", "model.safetensors is empty or cut"),
    ],
)
def test_a_file_without_weights(content: bytes, words: str, tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "model/model.safetensors").write_bytes(content)
    with pytest.raises(UsageError, match=words):
        describe(tmp_path / "model")


def test_a_size_that_is_left_out_is_the_default_of_the_library(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    path = tmp_path / "model/config.json"
    config = json.loads(path.read_text())
    del config["num_hidden_layers"]
    path.write_text(json.dumps(config))
    assert describe(tmp_path / "model").layers == 32
    with pytest.raises(UsageError, match=r"the files in .* lack"):
        require_trainable(tmp_path / "model")
    path.write_text(json.dumps({**config, "model_type": "mine"}))
    with pytest.raises(UsageError, match=r"'mine' of the model in .* is unknown"):
        describe(tmp_path / "model")
