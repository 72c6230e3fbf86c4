#!/usr/bin/env bash
# Guess: eval_loss of transformers' Trainer is the mean over all learned tokens of the evaluation rows, as the training
# loss is over those of a step; so per_device_eval_batch_size changes time and memory, not the loss.
# What happens: it is the mean over tokens in each batch, and over batches by their number of rows. With one row in a
# batch every row counts alike, in large batches long answers outweigh short ones. Where short answers are easy and long
# ones hard, the same model has 4.59 at batch size 1 and 8.87 at 2. Two runs with other batch sizes (a larger card) are
# not comparable, and early stopping may keep another step.
# Seen with transformers 5.23.0, torch 2.13.0 (CPU). Source: transformers/trainer.py: evaluation_loop repeats a batch's
# loss by its rows; only training passes num_items_in_batch.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0
"$work/venv/bin/pip" install --quiet transformers==5.23.0 accelerate==1.15.0
"$work/venv/bin/python" -W ignore - "$work" <<'PY'
import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

LENGTH, EASY = 64, 6
torch.manual_seed(0)
model = LlamaForCausalLM(
    LlamaConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, vocab_size=64)
)


def row(tokens: torch.Tensor, learned: int) -> dict[str, torch.Tensor]:
    labels = tokens.clone()
    labels[: LENGTH - learned] = -100
    return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens), "labels": labels}


easy = torch.full((LENGTH,), EASY)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(20):  # the model learns to repeat one token
    model(input_ids=easy[None], labels=easy[None]).loss.backward()
    optimizer.step()
    optimizer.zero_grad()
rows = [row(easy, 2) if n % 2 else row(torch.randint(64, (LENGTH,)), 60) for n in range(8)]

with torch.no_grad():
    losses = [model(**{name: value[None] for name, value in one.items()}).loss.item() for one in rows]
counts = [int((one["labels"][1:] != -100).sum()) for one in rows]
over_rows = sum(losses) / len(losses)
over_tokens = sum(loss * count for loss, count in zip(losses, counts, strict=True)) / sum(counts)
print(f"mean over rows {over_rows:.2f}, over tokens {over_tokens:.2f}")
for size, expected in ((1, over_rows), (2, over_tokens), (8, over_tokens)):
    quiet = {"report_to": "none", "disable_tqdm": True, "use_cpu": True}
    arguments = TrainingArguments(sys.argv[1], per_device_eval_batch_size=size, **quiet)
    loss = Trainer(model, arguments, eval_dataset=rows).evaluate()["eval_loss"]
    print(f"per_device_eval_batch_size={size}: eval_loss {loss:.2f}")
    if abs(loss - expected) > 0.01:
        raise SystemExit("changed")
if over_tokens < 1.5 * over_rows:
    raise SystemExit("changed: the model no longer finds short rows easy")
PY
