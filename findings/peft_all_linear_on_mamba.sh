#!/usr/bin/env bash
# Guess: LoraConfig(target_modules="all-linear") names no module, so peft picks those that it can adapt, for every causal
# language model; and what it refuses for a layer kind, it refuses wherever that layer is.
# What happens: on Mamba, Mamba 2 and Falcon Mamba "all-linear" picks out_proj and then refuses it ("please remove it
# from target_modules", where nobody named it): nothing can be adapted without a list of names. The check reads the
# model_type, not the layer: Bamba and Jamba have the same mixers, and there out_proj gets an adapter.
# Seen with peft 0.21.2, transformers 5.23.0, torch 2.13.0 (CPU). Source: peft/tuners/tuners_utils.py.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0
"$work/venv/bin/pip" install --quiet peft==0.21.2 transformers==5.23.0
"$work/venv/bin/python" -W ignore <<'PY'
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

SIZES = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "state_size": 8}
MAMBA2 = {"num_heads": 8, "head_dim": 8, "n_groups": 1}
ATTENTION = {"num_attention_heads": 4, "num_key_value_heads": 2}
BAMBA = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_n_groups": 1, "mamba_d_state": 8, "mamba_expand": 2}
JAMBA = {"num_experts": 1, "mamba_d_state": 8, "mamba_dt_rank": 4}
KINDS = {
    "mamba": {},
    "mamba2": MAMBA2,
    "falcon_mamba": {},
    "bamba": {**ATTENTION, **BAMBA},
    "jamba": {**ATTENTION, **JAMBA},
}


def adapt(kind: str) -> str:
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **SIZES, **KINDS[kind]))
    try:
        adapted = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear"))
    except ValueError as error:
        return "refused, out_proj" if "'out_proj' is incompatible" in str(error) else str(error)
    names = [name for name, _ in adapted.named_parameters() if ".lora_A." in name]
    return f"adapted, {'with' if any('.mamba.out_proj.' in name for name in names) else 'without'} out_proj"


found = {kind: adapt(kind) for kind in KINDS}
print(found)
refused = dict.fromkeys(["mamba", "mamba2", "falcon_mamba"], "refused, out_proj")
if found != {**refused, **dict.fromkeys(["bamba", "jamba"], "adapted, with out_proj")}:
    raise SystemExit("changed")
PY
