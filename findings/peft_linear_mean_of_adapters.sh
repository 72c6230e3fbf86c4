#!/usr/bin/env bash
# Guess: add_weighted_adapter(["a", "b"], [0.5, 0.5], ..., combination_type="linear") gives an adapter whose change of
# the weights is the mean of both changes; and the mean of an adapter with itself is that adapter.
# What happens: "linear" adds the factors and not the changes, A with A and B with B, each times the root of its weight.
# So the mean of an adapter with itself changes twice as much as the adapter, and that of two unrelated adapters is as
# far from their mean as nothing at all, since B of one meets A of the other. "dare_linear" and "magnitude_prune" do
# the same, "ties" gives half with itself. "cat" is the exact mean, "svd" too at the sum of the ranks.
# Seen with peft 0.21.2, transformers 5.23.0, torch 2.13.0 (CPU). Source: peft/tuners/lora/model.py,
# _generalized_task_arithmetic_weighted_adapter.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0
"$work/venv/bin/pip" install --quiet peft==0.21.2 transformers==5.23.0
"$work/venv/bin/python" -W ignore <<'PY'
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

RANK = 4
torch.manual_seed(0)
base = LlamaForCausalLM(
    LlamaConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, vocab_size=64)
)
settings = LoraConfig(r=RANK, target_modules=["q_proj"], init_lora_weights=False)  # both factors at random
model = get_peft_model(base, settings, adapter_name="a")
model.add_adapter("b", settings)
layer = model.base_model.model.model.layers[0].self_attn.q_proj


def mean(kind: str, names: list[str]) -> tuple[float, float]:
    """Return size and distance of a combined change, each in sizes of the mean of both changes."""
    name = f"{kind}_{''.join(names)}"
    options = {"svd": {"svd_rank": 2 * RANK}, "ties": {"density": 1.0}}.get(kind, {})
    model.add_weighted_adapter(names, [0.5, 0.5], name, combination_type=kind, **options)
    expected = sum(layer.get_delta_weight(part) for part in names) / 2
    found = layer.get_delta_weight(name)
    return (found.norm() / expected.norm()).item(), ((found - expected).norm() / expected.norm()).item()


with torch.no_grad():
    for kind, itself, distance in (("linear", 2.0, 0.9), ("ties", 0.5, 0.9), ("cat", 1.0, 0.0), ("svd", 1.0, 0.0)):
        size, _ = mean(kind, ["a", "a"])
        _, apart = mean(kind, ["a", "b"])
        print(f"{kind}: the mean of a and a is {size:.2f} times a; that of a and b is {apart:.2f} from their mean")
        if abs(size - itself) > 0.01 or (apart < distance if distance else apart > 0.001):
            raise SystemExit("changed")
PY
