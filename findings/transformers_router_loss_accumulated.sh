#!/usr/bin/env bash
# Guess: one batch of 8 rows and 8 accumulated batches of one row make the same step, as transformers' Trainer divides
# by the number of tokens of the whole step; so batch size and gradient_accumulation_steps can be traded for memory.
# What happens: only the loss of the tokens is divided. A mixture of experts adds the loss that balances its router to
# the loss of each batch, and these are summed: over 8 batches its weight is 8 times router_aux_loss_coef. The router
# moves more, 9.6 times as far in the step below, and the loss that is logged grows: at a coefficient of 1, from 6.2 to
# 20.2. With output_router_logits=False both ways make the same step. TRL's SFTTrainer divides this loss, too.
# Seen with transformers 5.23.0, torch 2.13.0 (CPU). Source: transformers/models/mixtral/modeling_mixtral.py adds
# aux_loss to a loss that is divided already; transformers/trainer.py, training_step, then does not divide again.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0
"$work/venv/bin/pip" install --quiet transformers==5.23.0 accelerate==1.15.0
"$work/venv/bin/python" -W ignore - "$work" <<'PY'
import sys

import torch
from transformers import MixtralConfig, MixtralForCausalLM, PrinterCallback, Trainer, TrainingArguments

ROWS = 8
SIZES = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1}
SHAPE = {"num_attention_heads": 2, "num_key_value_heads": 1, "num_local_experts": 4, "num_experts_per_tok": 2}
tokens = torch.randint(64, (ROWS, 32), generator=torch.Generator().manual_seed(0))
rows = [{"input_ids": row, "labels": row, "attention_mask": torch.ones_like(row)} for row in tokens]


def step(balanced: bool, size: int) -> tuple[float, float]:
    """Return the loss that is logged for one step over all rows, and how far the router moved."""
    torch.manual_seed(0)
    config = MixtralConfig(**SIZES, **SHAPE, output_router_logits=balanced, router_aux_loss_coef=1.0)
    model = MixtralForCausalLM(config)
    router = model.model.layers[0].mlp.gate.weight
    before = router.detach().clone()
    descent = {"optim": "sgd", "learning_rate": 1.0, "lr_scheduler_type": "constant", "max_grad_norm": 0.0}
    quiet = {"report_to": "none", "use_cpu": True, "disable_tqdm": True, "save_strategy": "no"}
    batches = {"per_device_train_batch_size": size, "gradient_accumulation_steps": ROWS // size}
    arguments = TrainingArguments(sys.argv[1], max_steps=1, logging_steps=1, **descent, **quiet, **batches)
    trainer = Trainer(model, arguments, train_dataset=rows)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return trainer.state.log_history[0]["loss"], (router - before).norm().item()


for balanced in (False, True):
    steps = {size: step(balanced, size) for size in (ROWS, 2, 1)}
    for size, (loss, moved) in steps.items():
        print(f"output_router_logits={balanced}, {ROWS // size} times {size} rows: loss {loss:.1f}, router {moved:.4f}")
    factors = [moved / steps[ROWS][1] for _, moved in steps.values()]
    if balanced and not (3 < factors[1] < 6 < factors[2] < 12 and steps[1][0] > 3 * steps[ROWS][0]):
        raise SystemExit("changed")
    if not balanced and max(factors) - min(factors) > 0.01:
        raise SystemExit("changed")
PY
