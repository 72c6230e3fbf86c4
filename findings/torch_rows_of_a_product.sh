#!/usr/bin/env bash
# Guess: what a linear layer makes of one row does not depend on how many other rows it is given with.
# What happens: on a CPU in float32 it does: one or two rows take another kernel than four and more, and the order of
# sums differs. In bfloat16, on a processor with AVX-512 BF16, it was the same bits for 1 to 128 rows. So tokens that
# are verified several at once (speculation), or together with another number of rows, are not sure to be the tokens of
# single steps: where the two largest logits are close, another one wins.
# Seen with torch 2.13.0 (CPU) on an AMD EPYC.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0
"$work/venv/bin/python" - <<'PY'
import sys

import torch

torch.manual_seed(0)
torch.set_num_threads(1)
differing = {}
for dtype in (torch.float32, torch.bfloat16):
    layer, given = torch.nn.Linear(576, 1536, bias=False).to(dtype), torch.randn(128, 576).to(dtype)
    with torch.inference_mode():
        alone = layer(given[:1])
        differing[dtype] = [int((layer(given[:rows])[:1] != alone).sum()) for rows in (2, 4, 8, 128)]
    print(f"{dtype}: of 1536 numbers of the first row, with 2, 4, 8 and 128 rows differ {differing[dtype]}")
if not any(differing[torch.float32]):
    sys.exit("changed: in float32 a row is the same bits with any number of rows")
PY
