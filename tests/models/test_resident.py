"""The network that is kept: every use gets it as it was loaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from ftdojo.models import Compute, digest, network
from ftdojo.models.resident import Resident
from ftdojo.models.tensors import StoredTensors

SINGLE = Compute("cpu", "float32", "sdpa", "the test compares numbers")
COARSE = Compute("cpu", "bfloat16", "eager", "the test loads what another processor would")
NAME = "model.layers.0.self_attn.q_proj.weight"


def storage(loaded: Any) -> int:
    """Where the memory of a tensor of a network is: two networks with the same one share it."""
    return int(dict(loaded.named_parameters())[NAME].data_ptr())


def as_loaded(loaded: Any) -> dict[str, Any]:
    """Everything of a network that a use could change."""
    return {
        "config": loaded.config.to_dict() | {"attention": loaded.config._attn_implementation},
        "generation": loaded.generation_config.to_dict(),
        "name": loaded.name_or_path,
        "modules": [(name, type(m), m.training, len(m._forward_hooks)) for name, m in loaded.named_modules()],
        "parameters": [(n, p.dtype, p.requires_grad, p.grad) for n, p in loaded.named_parameters()],
        "tied": loaded.lm_head.weight is loaded.model.embed_tokens.weight,
        "attributes": sorted(vars(loaded)),
    }


def spoil(loaded: Any) -> None:
    """What trainings, adapters and engines do to a network, without its values."""
    from peft import LoraConfig, get_peft_model

    with network.quiet():
        get_peft_model(loaded, LoraConfig(target_modules="all-linear", task_type="CAUSAL_LM"))
    loaded.train()
    loaded.requires_grad_(requires_grad=False)
    loaded.model.layers[0].register_forward_hook(lambda *_: None)
    loaded.config.use_cache, loaded.generation_config.temperature = False, 0.3
    loaded.name_or_path = loaded.config.name_or_path = ""


@pytest.mark.parametrize("on", [SINGLE, COARSE])
def test_a_use_leaves_nothing_behind(tiny_model: Path, on: Compute) -> None:
    resident, before = Resident(), digest(tiny_model)
    with resident.lend(tiny_model, on, on.attention) as loan:
        first = storage(loan.network)
        assert loan.replace({NAME: torch.zeros(64, 64)})
        assert not dict(loan.network.named_parameters())[NAME].any()
        spoil(loan.network)
    for attention in ("sdpa", "eager"):
        expected = network.load(tiny_model, on.dtype, attention)
        with resident.lend(tiny_model, on, attention) as loan:
            assert storage(loan.network) == first, "it was not loaded again"
            assert as_loaded(loan.network) == as_loaded(expected)
            pairs = zip(loan.network.state_dict().items(), expected.state_dict().items(), strict=True)
            assert all(one == other and a.equal(b) for (one, a), (other, b) in pairs)
    assert digest(tiny_model) == before, "nor in the file"


def test_what_was_changed_in_another_way_is_loaded_again(tiny_model: Path) -> None:
    resident = Resident()

    def zero(**options: Any) -> None:
        with resident.lend(tiny_model, SINGLE, "sdpa", **options) as loan:
            dict(loan.network.named_parameters())[NAME].data.zero_()
            if not options:
                raise KeyboardInterrupt

    zero(trains_all=True)
    with pytest.raises(KeyboardInterrupt):
        zero()
    with resident.lend(tiny_model, SINGLE, "sdpa") as loan:
        assert dict(loan.network.named_parameters())[NAME].equal(StoredTensors(tiny_model)[NAME])


def test_loans_do_not_share(tiny_model: Path, tmp_path: Path) -> None:
    """A second loan at the same time, and another model, another precision or a changed file have a network each."""
    resident, other = Resident(), tmp_path / "other"
    shutil.copytree(tiny_model, other)
    with resident.lend(tiny_model, SINGLE, "sdpa") as first:
        assert first.replace({NAME: torch.zeros(64, 64)})
        with resident.lend(tiny_model, SINGLE, "sdpa") as second:
            assert dict(second.network.named_parameters())[NAME].equal(StoredTensors(tiny_model)[NAME])
    with resident.lend(tiny_model, COARSE, "sdpa") as coarse:
        assert coarse.network.dtype == torch.bfloat16
    with resident.lend(other, SINGLE, "sdpa") as moved:
        before = storage(moved.network)
    weights = (other / "model.safetensors").read_bytes()
    (other / "model.safetensors").write_bytes(weights)
    with resident.lend(other, SINGLE, "sdpa") as again:
        assert storage(again.network) != before


def test_values_that_could_not_be_put_back_are_not_replaced(tiny_model: Path, tmp_path: Path) -> None:
    """The names in the file are those of the inner model, or its values are not those of the network."""
    from safetensors.torch import load_file, save_file

    renamed = tmp_path / "renamed"
    shutil.copytree(tiny_model, renamed)
    tensors = load_file(renamed / "model.safetensors")
    save_file({n.removeprefix("model."): t for n, t in tensors.items()}, renamed / "model.safetensors")
    settings = json.loads((renamed / "config.json").read_text())
    (renamed / "config.json").write_text(json.dumps({**settings, "architectures": ["LlamaForCausalLM"]}))
    resident = Resident()
    with resident.lend(renamed, SINGLE, "sdpa") as loan:
        assert not loan.replace({NAME: torch.zeros(64, 64)})
        assert dict(loan.network.named_parameters())[NAME].any()
    with resident.lend(tiny_model, SINGLE, "sdpa") as loan:
        parameter = dict(loan.network.named_parameters())[NAME]
        parameter.data.add_(1)
        assert not loan.replace({NAME: torch.zeros(64, 64)})
        assert not loan.replace({NAME: torch.zeros(64, 63)})
        parameter.data.sub_(1)
