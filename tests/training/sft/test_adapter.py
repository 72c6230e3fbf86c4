"""Our LoRA layer gives the same outputs and gradients as peft's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from ftdojo.training.sft import adapter


def adapted(ours: bool, **settings: Any) -> Any:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(32, 48), torch.nn.SiLU(), torch.nn.Linear(48, 16, bias=False))
    config = LoraConfig(r=4, lora_alpha=6, target_modules=["0", "2"], **settings)
    if ours:
        adapter.register_layer(config)
    model = get_peft_model(network, config)
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter)
    return model.double()


@pytest.mark.parametrize("shape", [(32,), (5, 32), (3, 5, 32)])
def test_outputs_and_gradients_are_those_of_peft(shape: tuple[int, ...]) -> None:
    models = adapted(ours=True), adapted(ours=False)
    assert isinstance(models[0].base_model.model[0], adapter.LoraLinear)
    torch.manual_seed(2)
    x = torch.randn(shape, dtype=torch.float64)
    ours, peft = (model(x) for model in models)
    torch.testing.assert_close(ours, peft)
    ours.square().sum().backward()
    peft.square().sum().backward()
    for (name, a), (same, b) in zip(models[0].named_parameters(), models[1].named_parameters(), strict=True):
        assert name == same
        assert ("lora_" in name) == (a.grad is not None)
        if a.grad is not None:
            torch.testing.assert_close(a.grad, b.grad)


def test_without_its_adapter_it_is_the_base_module() -> None:
    model = adapted(ours=True)
    x = torch.randn(2, 3, 32, dtype=torch.float64)
    with model.disable_adapter():
        torch.testing.assert_close(model(x), model.get_base_model()(x))
        assert not torch.equal(model(x), adapted(ours=True)(x))


def test_merged_it_gives_the_same() -> None:
    model = adapted(ours=True).eval()
    x = torch.randn(2, 3, 32, dtype=torch.float64)
    before = model(x)
    torch.testing.assert_close(model.merge_and_unload()(x), before)


def test_dropout_is_applied_in_training_only() -> None:
    model = adapted(ours=True, lora_dropout=0.5)
    x = torch.randn(2, 3, 32, dtype=torch.float64)
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))
