#!/usr/bin/env bash
# Guess: the same adapter, saved twice with the same seed, gives the same files, as its weights are the same.
# What happens: the weights are the same bytes, but adapter_config.json is not. peft keeps target_modules as a set and
# writes it in the set's order, which differs from process to process (PYTHONHASHSEED). Whoever names an artefact by a
# digest of its folder gets another name for the same adapter. A list in LoraConfig does not help: it becomes a set.
# Seen with peft 0.21.2, transformers 5.23.0, torch 2.13.0 (CPU). Source: peft/tuners/lora/config.py, __post_init__.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0
"$work/venv/bin/pip" install --quiet peft==0.21.2 transformers==5.23.0
cat > "$work/save.py" <<'PY'
import sys

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

torch.manual_seed(0)
base = LlamaForCausalLM(
    LlamaConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, vocab_size=64)
)
targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
get_peft_model(base, LoraConfig(r=4, target_modules=targets)).save_pretrained(sys.argv[1])
PY
for seed in 1 2; do
    PYTHONHASHSEED=$seed "$work/venv/bin/python" "$work/save.py" "$work/$seed" 2>/dev/null
done
cmp "$work/1/adapter_model.safetensors" "$work/2/adapter_model.safetensors"
echo "the weights are the same bytes"
for seed in 1 2; do
    echo "PYTHONHASHSEED=$seed: $("$work/venv/bin/python" -c "import json, sys; print(json.load(open(sys.argv[1]))['target_modules'])" "$work/$seed/adapter_config.json")"
done
if cmp -s "$work/1/adapter_config.json" "$work/2/adapter_config.json"; then
    echo "changed: both adapter_config.json are the same" >&2
    exit 1
fi
