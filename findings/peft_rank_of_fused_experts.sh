#!/usr/bin/env bash
# Guess: LoraConfig(r=4) gives every matrix that it adapts a change of rank 4 at most, as the file of the checkpoint and
# adapter_config.json say.
# What happens: transformers 5 holds gate and up of all experts in one tensor, and peft gives that one the rank of two:
# 8 for each expert, while down has 4. So gate_proj or up_proj of a checkpoint may change by rank 8, and an adapter on
# experts has more parameters than r times the sizes of its matrices. "all-linear" adapts the router, too.
# Seen with peft 0.21.2, transformers 5.23.0, torch 2.13.0 (CPU). Source: peft/utils/transformers_weight_conversion.py.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0
"$work/venv/bin/pip" install --quiet peft==0.21.2 transformers==5.23.0
"$work/venv/bin/python" -W ignore <<'PY'
from peft import LoraConfig, get_peft_model
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

EXPERTS, RANK = 4, 4
sizes = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "moe_intermediate_size": 16, "head_dim": 16}
shape = {"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "num_experts_per_tok": 2}
model = Qwen3MoeForCausalLM(Qwen3MoeConfig(**sizes, **shape, num_experts=EXPERTS))
adapted = get_peft_model(model, LoraConfig(r=RANK, target_modules="all-linear"))
layer = "base_model.model.model.layers.0."
rows = {name.removeprefix(layer): p.shape[0] for name, p in adapted.named_parameters() if ".lora_A." in name}
found = {
    "q_proj": rows["self_attn.q_proj.lora_A.default.weight"],
    "gate and up, each expert": rows["mlp.experts.base_layer.lora_A.default.weight"] // EXPERTS,
    "down, each expert": rows["mlp.experts.lora_A.default.weight"] // EXPERTS,
    "router": rows["mlp.gate.lora_A.default.weight"],
}
print(found)
if list(found.values()) != [RANK, 2 * RANK, RANK, RANK]:
    raise SystemExit("changed")
PY
