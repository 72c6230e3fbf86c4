#!/usr/bin/env bash
# Guess: SFTTrainer(packing=True) trains each row as if it were alone: with the strategy "bfd" no row is cut, positions
# begin at 0 in each, and attention stays within it. Where a model cannot do that, it is said.
# What happens: TRL passes positions and lengths on; whether rows stay apart is up to each model, and nothing is said.
# Llama makes its mask of the positions. gpt-oss does not, in its default attention ("eager", as it has no sdpa): a row
# attends to all rows before it in the pack, though positions begin again. So does a row of Falcon, and in Mamba 2 the
# state goes on. Bamba, which has the mixers of Mamba 2, refuses. What a row teaches depends on its neighbours.
# Seen with trl 1.16.0, transformers 5.23.0, torch 2.13.0 (CPU). Source: transformers/models/gpt_oss/modeling_gpt_oss.py
# calls create_causal_mask without position_ids; trl/trainer/sft_trainer.py leaves the attention mask out.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0
"$work/venv/bin/pip" install --quiet trl==1.16.0 transformers==5.23.0 accelerate==1.15.0 datasets==5.2.0
HF_HOME="$work/home" "$work/venv/bin/python" -W ignore - "$work" <<'PY'
import sys

import datasets
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast, logging
from trl import SFTConfig, SFTTrainer

datasets.disable_progress_bars()
logging.set_verbosity_error()
LONG, SHORT = "the river is high after the rain", "the sea is low"
OTHER = "a hill was green before a storm"
words = ["<unk>", "<pad>", "<eos>", *sorted(set(f"{LONG} {SHORT} {OTHER}".split()))]
tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="<unk>"))
tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>")

SIZES = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "initializer_range": 0.2}
ATTENTION = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
BAMBA = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_n_groups": 1, "mamba_d_state": 8, "mamba_expand": 2}
KINDS = {
    "llama": ATTENTION,
    "gpt_oss": {**ATTENTION, "num_local_experts": 4, "num_experts_per_tok": 2},
    "falcon": {"num_attention_heads": 4},
    "mamba2": {"num_heads": 8, "head_dim": 8, "n_groups": 1, "state_size": 8},
    "bamba": {**ATTENTION, **BAMBA},
}


def logits_of_the_second(kind: str, first: str) -> torch.Tensor:
    """Return what a model gives for the second row of the trainer's batch, a pack of two rows."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **SIZES, **KINDS[kind]))
    rows = datasets.Dataset.from_list([{"text": first}, {"text": SHORT}])
    quiet = {"report_to": "none", "disable_tqdm": True, "use_cpu": True, "bf16": False}
    arguments = SFTConfig(sys.argv[1], packing=True, max_length=16, **quiet)
    (batch,) = SFTTrainer(model, arguments, train_dataset=rows, processing_class=tokenizer).get_train_dataloader()
    start = batch["position_ids"][0].tolist().index(0, 1)
    assert tokenizer.decode(batch["input_ids"][0, start:]) == f"{SHORT} <eos>"
    with torch.no_grad():
        return model.eval()(**batch, use_cache=False).logits[0, start:]


found = {}
for kind in KINDS:
    try:
        given, other = (logits_of_the_second(kind, first) for first in (LONG, OTHER))
    except ValueError as error:
        found[kind] = "refused" if "can't keep packed sequences apart" in str(error) else str(error)
    else:
        change = ((given - other).abs().max() / given.abs().max()).item()
        found[kind] = "the same" if change < 1e-4 else "other" if change > 0.1 else f"other by {change}"
    print(f"{kind}: logits of a row, with another row before it in the pack: {found[kind]}")
if list(found.values()) != ["the same", "other", "other", "other", "refused"]:
    raise SystemExit("changed")
PY
