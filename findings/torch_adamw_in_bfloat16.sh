#!/usr/bin/env bash
# Guess: AdamW with weights in bfloat16 is less exact, but its averages still follow the gradients: after one batch with
# a large gradient the steps are small for a while, and normal again after some thousand.
# What happens: they stay small for ever. The state has the weights' precision, and 0.999 times a number of 8 bits is
# rounded to the same number: the second moment can grow and never shrinks. After one spike it stands still for 8,000
# steps; all steps stay a thirtieth of what they should be, and the weight loses them by rounding: it does not move
# again. In float32 the second moment falls by half every 700 steps. fused=True does not change it.
# Seen with torch 2.13.0 (CPU). Source: torch/optim/adam.py, the state is zeros_like of the parameter. transformers 5
# loads a checkpoint in its own precision, so a plain loop around a model in bfloat16 is this case.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0
"$work/venv/bin/python" -W ignore <<'PY'
import torch

SPIKE, STEPS = 100, 8000


def train(dtype: torch.dtype, fused: bool) -> tuple[float, float]:
    """Return by what the second moment has changed since the spike, and how far the weight went in the last half."""
    weight = torch.nn.Parameter(torch.zeros(8, dtype=dtype))
    optimizer = torch.optim.AdamW([weight], lr=1e-4, weight_decay=0.0, fused=fused)
    moments, places = [], []
    for step in range(STEPS):
        weight.grad = torch.full_like(weight, 10.0 if step == SPIKE else 0.01)
        optimizer.step()
        moments.append(optimizer.state[weight]["exp_avg_sq"][0].item())
        places.append(weight[0].item())
    return moments[-1] / moments[SPIKE], abs(places[-1] - places[STEPS // 2])


for fused in (False, True):
    found = {dtype: train(dtype, fused) for dtype in (torch.float32, torch.bfloat16)}
    for dtype, (kept, moved) in found.items():
        print(f"fused={fused}, {dtype}: second moment {kept:.4f} of its peak, weight moved by {moved:.4f}")
    if found[torch.bfloat16] != (1.0, 0.0) or found[torch.float32][0] > 0.01 or found[torch.float32][1] < 0.1:
        raise SystemExit("changed")
PY
