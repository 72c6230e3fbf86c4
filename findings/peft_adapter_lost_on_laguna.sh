#!/usr/bin/env bash
# Guess: an adapter that save_pretrained has written is read by PeftModel.from_pretrained as it was, on the same model.
# What happens: on Laguna the adapters of the shared experts are in the file, under the names that the model has, and
# are not found again; on Inkling 2 those of the convolutions of keys and values. They stay as a new adapter begins,
# without effect, so the model that is read is not the one that was trained. No error, and the other adapters are right;
# a warning, "Found missing adapter keys", speaks of the checkpoint. The reason: what is read is renamed as an old
# checkpoint would be, also where it has its new name. Merge in the process that trained, or name other targets.
# Seen with peft 0.21.2, transformers 5.23.0, torch 2.13.0 (CPU). Source: peft/utils/transformers_weight_conversion.py
# and transformers/conversion_mapping.py: "mlp.shared_expert." is a pattern whose last dot is any character, "s" too.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0
"$work/venv/bin/pip" install --quiet peft==0.21.2 transformers==5.23.0
"$work/venv/bin/python" -W ignore - "$work" <<'PY'
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM, logging

logging.set_verbosity_error()
SIZES = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "initializer_range": 0.2}
ATTENTION = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
SHARED = {"shared_expert_intermediate_size": 16, "mlp_layer_types": ["dense", "sparse"]}
RELATIVE = {"d_rel": 4, "rel_extent": 16, "unpadded_vocab_size": 64, "n_layers_per_attn_res_block": 1}
SLIDING = {"swa_num_attention_heads": 4, "swa_num_key_value_heads": 2, "swa_head_dim": 8, "sliding_window_size": 8}
KINDS = {
    "llama": ATTENTION,
    "laguna": {**ATTENTION, **EXPERTS, **SHARED, "layer_types": ["full_attention", "full_attention"]},
    "inkling2_text": {**ATTENTION, **RELATIVE, **SLIDING, "layer_types": ["hybrid_sliding", "hybrid"]},
}
given = torch.arange(16)[None]


def base(kind: str) -> torch.nn.Module:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **SIZES, **KINDS[kind])).eval()


for kind in KINDS:
    folder = f"{sys.argv[1]}/{kind}"
    adapted = get_peft_model(base(kind), LoraConfig(r=2, target_modules="all-linear")).eval()
    adapters = {name: weight for name, weight in adapted.named_parameters() if ".lora_" in name}
    with torch.no_grad():
        for weight in adapters.values():
            torch.nn.init.normal_(weight)  # as if trained
        trained = adapted(given).logits
        adapted.save_pretrained(folder)
        read = PeftModel.from_pretrained(base(kind), folder).eval()
        apart = (read(given).logits - trained).abs().max().item()
    found = dict(read.named_parameters())
    changed = [name for name, weight in adapters.items() if not found[name].equal(weight)]
    lost = {name.rpartition(".lora_")[0].split(".layers.")[1] for name in changed}
    print(f"{kind}: logits differ by {apart:.6f}; lost of {len(adapters) // 2} adapters: {sorted(lost) or 'none'}")
    if bool(lost) == (kind == "llama") or bool(lost) != (apart > 0.01):
        raise SystemExit("changed")
PY
