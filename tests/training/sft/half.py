"""One of two processes that hold a half of a network each: it writes how many numbers it holds, of how many.

python half.py BASE FOLDER RANK
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import distributed

from ftdojo.models import network
from ftdojo.training.sft import sharding
from ftdojo.training.sft.batches import collate
from ftdojo.training.sft.monitor import evaluate
from training.sft.test_trainer import examples


def main() -> None:
    base, out, rank = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    meeting = f"file://{out / 'meeting'}"
    distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
    part = sharding.load_part(lambda: network.load(base, torch.float32, "sdpa"), "cpu")
    held = [sum(t.numel() for t in sharding.trained_parts(part).values())]
    evaluate(part, [collate(examples(base, 4), 0, share=True)])
    held.append(sum(t.numel() for t in sharding.trained_parts(part).values()))
    gathered, stored = sharding.gather_state(part, only_trained=False), load_file(base / "model.safetensors")
    equal = all(gathered[name].equal(stored[name].float()) for name in stored) if rank == 0 else gathered == {}
    (out / str(rank)).write_text(json.dumps([*held, sum(p.numel() for p in part.parameters()), equal]), "utf-8")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
