"""Models trained from their base, by every method and in every precision, and models that only claim to be."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM

from ftdojo.contract.row import Row
from ftdojo.contract.train_config import TrainConfig
from ftdojo.models import network
from ftdojo.training import export, tokenize
from ftdojo.training.sft import lineage
from ftdojo.training.sft.trainer import train

ROWS = [Row(({"role": "user", "content": f"say {n}"},), f"number {n}") for n in range(12)]
CONFIGS = {
    "lora": TrainConfig(method="lora", learning_rate=1e-3, epochs=3, batch_size=4, max_length=64),
    "full": TrainConfig(method="full", learning_rate=1e-5, epochs=3, batch_size=4, max_length=64, weight_decay=0.1),
}
STEPS = 9


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def base(request: pytest.FixtureRequest, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param) / "base"
    shutil.copytree(tiny_model, folder)
    network.load(tiny_model, getattr(torch, request.param), "sdpa").save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def trained(base: Path) -> dict[str, Path]:
    """Both methods, from one base: method -> the exported model."""
    made = {}
    for name, config in CONFIGS.items():
        weights, made[name] = base.with_name(f"{name}-weights"), base.with_name(name)
        result = train(tokenize(ROWS, base, max_length=64).examples, config, base, weights)
        assert result.steps == STEPS
        export(base, weights, made[name])
    return made


@pytest.mark.parametrize("method", ["lora", "full"])
def test_what_our_trainer_makes_descends(base: Path, trained: dict[str, Path], method: str) -> None:
    assert lineage.faults(base, trained[method], CONFIGS[method], STEPS) == []
    assert lineage.faults(base, base, CONFIGS[method], 0) == []


def test_one_method_is_not_taken_for_the_other(base: Path, trained: dict[str, Path]) -> None:
    assert "no adapter is on it" in " ".join(lineage.faults(base, trained["full"], CONFIGS["lora"], STEPS))
    assert "steps reach" in lineage.faults(base, trained["lora"], CONFIGS["full"], STEPS)[0]


def _weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], object]:
    def apply(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    return apply


def _config(**changes: object) -> Callable[[Path], object]:
    def apply(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **changes}))

    return apply


def _another_model(folder: Path) -> None:
    torch.manual_seed(1)
    config = LlamaForCausalLM.from_pretrained(folder).config
    LlamaForCausalLM(config).save_pretrained(folder)


Q = "model.layers.0.self_attn.q_proj.weight"


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        (_another_model, "changed"),
        (_weights(lambda t: t["model.embed_tokens.weight"][7].add_(0.5)), "embed_tokens.weight: changed, although"),
        (_weights(lambda t: t["model.norm.weight"].mul_(1.5)), "norm.weight: changed, although"),
        (_weights(lambda t: t[Q].add_(torch.randn(t[Q].shape).to(t[Q].dtype))), "more than rank 16"),
        (_weights(lambda t: t[Q].fill_(float("nan"))), "not finite"),
        (_weights(lambda t: t.pop(Q)), f"{Q}: none, the base's: shape"),
        (_weights(lambda t: t.update({Q: t[Q][:8].clone()})), f"{Q}: shape [8, 64]"),
        (_config(num_attention_heads=8), "num_attention_heads is 8"),
        (_config(model_type="qwen2"), "the architecture is 'qwen2'"),
        (_config(auto_map={"AutoConfig": "code.Config"}), "auto_map"),
        (
            lambda f: (f / "tokenizer.json").write_text((f / "tokenizer.json").read_text() + " "),
            "tokenizer.json is not",
        ),
        (lambda f: (f / "chat_template.jinja").write_text("{{ answer }}"), "chat_template.jinja is not"),
        (lambda f: (f / "vocab.txt").touch(), "no vocab.txt"),
        (lambda f: (f / "pytorch_model.bin").write_bytes(pickle.dumps({"w": 1.0})), "pytorch_model.bin is neither"),
        (lambda f: (f / "modeling.py").touch(), "modeling.py is neither"),
        (lambda f: (f / "more.json").symlink_to("/etc/passwd"), "more.json is not a regular file"),
        (lambda f: (f / "model.safetensors").write_bytes(pickle.dumps({"weight": 1.0})), "no safetensors"),
        (
            lambda f: (f / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../x.safetensors"}}'),
            "not in the folder: ../x.safetensors",
        ),
    ],
)
def test_a_model_that_was_swapped_or_changed_is_told(
    base: Path, trained: dict[str, Path], tmp_path: Path, tamper: Callable[[Path], object], told: str
) -> None:
    shutil.copytree(trained["lora"], tmp_path / "model")
    tamper(tmp_path / "model")
    assert told in " ".join(lineage.faults(base, tmp_path / "model", CONFIGS["lora"], STEPS))


def test_full_weights_of_another_model_are_out_of_reach(base: Path, trained: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(trained["full"], tmp_path / "model")
    _another_model(tmp_path / "model")
    found = lineage.faults(base, tmp_path / "model", CONFIGS["full"], STEPS)
    assert "9 steps reach" in found[0]
