"""Forecasts of memory and operations, compared with what autograd keeps; and the proposed smaller configurations."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig, LlamaForCausalLM

from ftdojo.contract.model_info import ModelInfo
from ftdojo.contract.train_config import TrainConfig
from ftdojo.models import Compute, describe
from ftdojo.training.sft import estimate
from ftdojo.training.sft.batches import collate
from ftdojo.training.sft.loss import label_loss
from ftdojo.training.sft.shapes import Shape, cut_batches, shape
from ftdojo.training.sft.tokens import IGNORED, Example, truncate
from tiny import network_to_train

INFO = ModelInfo(
    architecture="LlamaForCausalLM",
    parameters=7_000_000_000,
    precision="BF16",
    layers=32,
    hidden_size=4096,
    intermediate_size=11008,
    heads=32,
    key_value_heads=32,
    head_size=128,
    vocabulary=32000,
    context_length=4096,
)
COMPUTES = [
    Compute("cpu", "bfloat16", "eager", "counted"),
    Compute("cpu", "float32", "sdpa", "counted"),
]


def batch(count: int, length: int, common: int = 0) -> list[Example]:
    rows = [[*range(common), *(100 + (i * 31 + k) % 900 for k in range(length - common))] for i in range(count)]
    return [Example(row, [IGNORED] * (length - 4) + row[-4:]) for row in rows]


def kept_bytes(model: Path, config: TrainConfig, on: Compute, examples: list[Example]) -> int:
    """Bytes that autograd keeps for the backward pass of a batch, without the weights; each storage counts once."""
    network = network_to_train(model, config, on).train()
    weights = {p.untyped_storage().data_ptr() for p in network.parameters()}
    found: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        label_loss(network, collate(examples, 0, share=True))
    return sum(found.values())


@pytest.fixture(scope="module")
def wide_model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with as many tokens as the embedded one, so that the logits have the share that is usual."""
    folder = tmp_path_factory.mktemp("wide")
    config = LlamaConfig.from_pretrained(tiny_model, vocab_size=49152)
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("on", COMPUTES, ids=str)
@pytest.mark.parametrize("method", ["lora", "qlora", "full"])
@pytest.mark.parametrize("common", [0, 40])
def test_activations_are_those_that_autograd_keeps(wide_model: Path, method: str, on: Compute, common: int) -> None:
    examples, config, info = batch(6, 120, common), TrainConfig.model_validate({"method": method}), describe(wide_model)
    s = shape(examples, share=True)
    counted, _ = estimate._activations(info, config, on, s)
    # The log-probabilities are kept too; estimate.memory counts them with what their gradient takes.
    counted += s.rows * s.labels * info.vocabulary * 4
    assert counted == pytest.approx(kept_bytes(wide_model, config, on, examples), rel=0.1)


def test_operations_are_those_that_torch_counts(tiny_model: Path) -> None:
    examples, config = batch(6, 120), TrainConfig(method="full")
    network = network_to_train(tiny_model, config, COMPUTES[0])
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        label_loss(network, collate(examples, 0, share=True))
    expected = counter.get_total_flops()
    assert estimate.operations(describe(tiny_model), shape(examples, share=True)) == pytest.approx(expected, rel=0.02)


def test_shapes_are_those_of_the_batches() -> None:
    for common in (0, 40):
        made = [*batch(3, 90, common), *batch(4, 70, common)]
        for rows in cut_batches(made, 3):
            collated, s = collate(rows, 0, share=True), shape(rows, share=True)
            assert (s.rows, s.width) == collated["input_ids"].shape
            assert s.prefix + s.width == collated["attention_mask"].shape[1]
            assert s.labels == (collated["labels"] != IGNORED).any(dim=0).sum()


@given(
    st.integers(1, 64),
    st.integers(1, 2000),
    st.integers(1, 16),
    st.sampled_from(["lora", "qlora", "full"]),
    st.sampled_from(COMPUTES),
)
def test_more_needs_more(rows: int, width: int, labels: int, method: str, on: Compute) -> None:
    config = TrainConfig.model_validate({"method": method})
    needs = estimate.memory(INFO, config, on, Shape(rows, 0, width, labels))
    assert needs >= estimate.memory(INFO, config, on)
    assert estimate.memory(INFO, config, on, Shape(rows + 1, 0, width, labels)) >= needs
    assert estimate.memory(INFO, config, on, Shape(rows, 0, width + 1, labels)) >= needs


def test_what_fits_is_proposed() -> None:
    """The batch is made smaller first, its rows kept by accumulation; then rows are cut; then the method is changed."""
    on = COMPUTES[1]
    config = TrainConfig(method="lora", batch_size=12, gradient_accumulation=2, max_length=800)

    def needed(changed: TrainConfig) -> float:
        return estimate.memory(INFO, changed, on, Shape(changed.batch_size, 0, changed.max_length, 8))

    def fits(config: TrainConfig, available: float) -> TrainConfig:
        found = estimate.find_fitting(config, needed, available)
        assert found is not None
        assert needed(found) <= available
        return found

    smaller = fits(config, needed(config.model_copy(update={"batch_size": 5})))
    assert (smaller.batch_size, smaller.gradient_accumulation, smaller.max_length) == (5, 5, 800)
    single = config.model_copy(update={"batch_size": 1})
    shorter = fits(config, needed(single.model_copy(update={"max_length": 300})))
    assert (shorter.batch_size, shorter.gradient_accumulation, shorter.max_length) == (1, 24, 300)
    full = config.model_copy(update={"method": "full"})
    assert fits(full, needed(single)) == single.model_copy(update={"gradient_accumulation": 24})
    quantized = fits(config, needed(single.model_copy(update={"method": "qlora"})))
    assert (quantized.method, quantized.batch_size, quantized.max_length) == ("qlora", 1, 800)
    assert estimate.find_fitting(config, needed, 1e9) is None


def test_weights_in_4_bits_are_as_large_as_bitsandbytes_makes_them(tiny_model: Path) -> None:
    config = TrainConfig(method="qlora")
    network = network_to_train(tiny_model, config, COMPUTES[0])
    weights = [weight for weight in network.parameters() if not weight.requires_grad]
    states = [weight.quant_state for weight in weights if hasattr(weight, "quant_state")]
    held = sum(w.nbytes for w in weights) + sum(s.absmax.nbytes + s.state2.absmax.nbytes for s in states)
    assert estimate._weights(describe(tiny_model), config, 2) == pytest.approx(held, rel=0.01)


def test_rows_that_lose_their_answer_are_dropped() -> None:
    made = [*batch(2, 30), *batch(2, 90)]
    assert [len(e.input_ids) for e in truncate(made, 60)] == [30, 30]
    assert truncate(made, 90) == made
