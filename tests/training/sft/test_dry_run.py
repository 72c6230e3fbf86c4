"""What adapters change, counted without the weights, is what a training changes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import model_zoo as zoo
from ftdojo.contract.train_config import Lora, TrainConfig
from ftdojo.models import Compute, describe
from ftdojo.training.sft import dry_run, estimate
from ftdojo.training.sft.method import Sft
from ftdojo.training.sft.shapes import Shape
from tiny import network_to_train

ON = Compute("cpu", "float32", "sdpa", "test")


def config(rank: int = 16) -> TrainConfig:
    return TrainConfig(method="lora", lora=Lora(rank=rank, alpha=32))


@pytest.fixture(scope="module")
def experts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return zoo.write("qwen3_moe", tmp_path_factory.mktemp("moe") / "base")


def test_it_counts_what_the_training_trains(experts: Path) -> None:
    assert dry_run.is_needed(experts)
    found = dry_run.adapt(experts, Lora(rank=16, alpha=32))
    loaded = network_to_train(experts, config(), ON)
    assert found.parameters == sum(p.numel() for p in loaded.parameters() if p.requires_grad)
    # Gate and up are one tensor of each expert in memory, and peft gives its adapter the rank of two.
    assert found.ranks["model.layers.0.mlp.experts.3.up_proj.weight"] == 32
    assert found.ranks["model.layers.0.mlp.experts.3.down_proj.weight"] == 16
    assert found.ranks["model.layers.1.self_attn.q_proj.weight"] == 16
    assert "model.embed_tokens.weight" not in found.ranks


def test_the_copies_of_experts_are_kept_for_the_backward_pass(experts: Path) -> None:
    found = dry_run.adapt(experts, Lora(rank=2, alpha=4))
    loaded = network_to_train(experts, config(2), ON)
    own = {p.untyped_storage().data_ptr() for p in loaded.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loaded(input_ids=torch.arange(4)[None])
    # Four experts of 32 by 16: gate and up together, and down, in each of two layers.
    large = [size for size in kept.values() if size in (4 * 32 * 32 * 4, 4 * 32 * 16 * 4)]
    assert sum(large) == 4 * 2 * 4 * (32 * 32 + 32 * 16)
    assert 4 * found.copied == sum(large) + 4 * 2 * 4 * 32  # and the routers


def test_the_estimate_of_memory_uses_the_count(experts: Path) -> None:
    found = dry_run.adapt(experts, Lora(rank=16, alpha=32))
    shape = Shape(rows=1, prefix=0, width=8, labels=1)
    info = describe(experts)
    without, with_count = (estimate.memory(info, config(), ON, shape, adapted=a) for a in (None, found))
    dense = estimate.count_trained(info, config())
    # Weights, two moments and gradients of the adapters, in float32.
    assert with_count - without > 12 * (found.parameters - dense)


def test_adapters_that_cannot_be_merged_are_refused_at_the_gate(tmp_path: Path) -> None:
    folder = zoo.write("zamba2", tmp_path / "zamba2")
    (finding,) = Sft().check_config(config(), folder)
    assert finding.code == "bad_targets"
    assert "several layers share weights" in finding.message


def test_what_peft_refuses_is_refused_at_the_gate(tmp_path: Path) -> None:
    folder = zoo.write("mamba", tmp_path / "mamba")
    (finding,) = Sft().check_config(config(), folder)
    assert "incompatible with Mamba-based models" in finding.message
    targets = TrainConfig(method="lora", lora=Lora(rank=2, alpha=4, targets=["x_proj", "in_proj"]))
    assert list(Sft().check_config(targets, folder)) == []


@pytest.mark.parametrize(
    ("kind", "part", "other"),
    [("laguna", "mlp.shared_experts", "o_proj"), ("inkling2_text", "self_attn.k_", "sink_proj")],
)
def test_adapters_that_peft_loses_when_it_reads_them_are_refused_at_the_gate(
    kind: str, part: str, other: str, tmp_path: Path
) -> None:
    folder = zoo.write(kind, tmp_path / kind)
    (finding,) = Sft().check_config(config(), folder)
    assert finding.code == "bad_targets"
    assert f"peft does not find the adapter of model.layers.1.{part}" in finding.message
    others = Lora(rank=2, alpha=4, targets=[other])
    assert list(Sft().check_config(TrainConfig(method="lora", lora=others), folder)) == []
