"""Forecasts of memory and time against what trainings took, over models, methods, lengths and batch sizes.

    python benchmarks/forecast.py [--device cuda] [--models NAME ...] [--steps 5] [--seconds 10] [--threads 2] [--json]
        [--again FILE]

Each cell of the grid is a process of its own: it states the memory that it expects from the architecture, runs the
micro-training of gate 4, which forecasts the time, and then trains. It trains as many epochs of ``--steps`` batches as
should take ``--seconds``: trainings take minutes, and in one of two seconds a single pause of the machine is all that
is measured. Rows have random tokens, lengths between half of the cell's length and all of it, and answers of an eighth.
Models other than the embedded one are randomly initialized, of the shapes below; with ``--device cuda`` they are those
of real models from 0.5 to 7 billion parameters, and a cell that is forecast not to fit is told and left out.

Reported, a cell: predicted and measured peak of memory (resident memory of the process on a CPU, what torch had
allocated on a GPU), predicted and measured seconds of all steps, and the errors in per cent of what was measured.
With ``--again`` nothing is trained: the memory of the cells of an earlier run, from the file of its ``--json``, is
forecast anew.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

EMBEDDED = "smollm2-135m"
METHODS = ("lora", "qlora", "full")
GRID = {
    "cpu": {"models": (EMBEDDED, "deep-46m", "wide-102m"), "lengths": (64, 256, 512), "batches": (4, 16)},
    "cuda": {"models": ("qwen-0.5b", "qwen-1.5b", "llama-7b"), "lengths": (256, 1024, 4096), "batches": (1, 8)},
}
SHAPES: dict[str, dict[str, Any]] = {
    "deep-46m": {"hidden": 512, "inner": 1536, "layers": 6, "heads": 8, "key_value_heads": 4, "vocabulary": 49152},
    "wide-102m": {"hidden": 1024, "inner": 2816, "layers": 4, "heads": 16, "key_value_heads": 16, "vocabulary": 49152},
    "qwen-0.5b": {"hidden": 896, "inner": 4864, "layers": 24, "heads": 14, "key_value_heads": 2, "vocabulary": 151936},
    "qwen-1.5b": {"hidden": 1536, "inner": 8960, "layers": 28, "heads": 12, "key_value_heads": 2, "vocabulary": 151936},
    "llama-7b": {"hidden": 4096, "inner": 11008, "layers": 32, "heads": 32, "key_value_heads": 32, "vocabulary": 49152},
}
ANSWER = 8
"""One token in so many of a row is part of the answer."""


def make_model(name: str, folder: Path) -> Path:
    """The folder of a model: the embedded one, or a new one with random weights and the embedded one's tokenizer."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from ftdojo import models
    from ftdojo.record import Home

    embedded = models.resolve(EMBEDDED, Home.default().root)
    if name == EMBEDDED:
        return embedded
    s = SHAPES[name]
    config = LlamaConfig(
        hidden_size=s["hidden"],
        intermediate_size=s["inner"],
        num_hidden_layers=s["layers"],
        num_attention_heads=s["heads"],
        num_key_value_heads=s["key_value_heads"],
        vocab_size=s["vocabulary"],
        max_position_embeddings=8192,
        tie_word_embeddings=name != "llama-7b",
    )
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    LlamaForCausalLM(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(embedded).save_pretrained(folder)
    return folder


def make_rows(cell: dict[str, Any]) -> list[Any]:
    """The rows of a cell, tokenized."""
    from ftdojo.training.sft.tokens import IGNORED, Example

    rng, length = random.Random(0), cell["length"]
    examples = []
    for number in range(cell["batch"] * cell["steps"]):
        size = length if number == 0 else rng.randint(length // 2, length)
        tokens = [rng.randrange(100, cell.get("vocabulary", 49_000)) for _ in range(size)]
        answer = max(1, size // ANSWER)
        examples.append(Example(tokens, [IGNORED] * (size - answer) + tokens[-answer:]))
    return examples


def run_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Forecast and train one cell in this process, or, if it has been measured, forecast its memory alone."""
    import torch

    from ftdojo.contract.train_config import TrainConfig
    from ftdojo.models import available_memory, compute, describe
    from ftdojo.training.sft import estimate
    from ftdojo.training.sft.forecast import forecast
    from ftdojo.training.sft.trainer import train

    torch.set_num_threads(cell["threads"])
    examples = make_rows(cell)
    config = TrainConfig(method=cell["method"], epochs=1, batch_size=cell["batch"], max_length=cell["length"])
    base, chosen = Path(cell["base"]), compute()
    memory = estimate.peak(examples, describe(base), config, chosen)
    if "measured_memory" in cell:
        return {"memory": memory, "memory_error": 100 * (memory / cell["measured_memory"] - 1)}
    if chosen.device == "cuda" and memory > available_memory(chosen):
        return {"memory": memory, "fits": False}
    seconds = forecast(examples, config, base)
    epochs = math.ceil(cell["seconds"] / seconds)
    config, seconds = config.model_copy(update={"epochs": epochs}), epochs * seconds
    with tempfile.TemporaryDirectory() as folder:
        result = train(examples, config, base, Path(folder))
    return {
        "fits": True,
        "memory": memory,
        "measured_memory": result.peak_memory_bytes,
        "memory_error": 100 * (memory / result.peak_memory_bytes - 1),
        "seconds": seconds,
        "measured_seconds": result.seconds,
        "time_error": 100 * (seconds / result.seconds - 1),
        "compute": result.compute,
    }


def forecast_again(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """The cells of an earlier run with the memory that is forecast now."""
    earlier = json.loads(arguments.again.read_text("utf-8").splitlines()[-1])
    cells = []
    for name in dict.fromkeys(cell["model"] for cell in earlier["grid"]):
        with tempfile.TemporaryDirectory(prefix="ftdojo-shape-") as scratch:
            order = {"base": str(make_model(name, Path(scratch))), **earlier["ran"]}
            for cell in (cell for cell in earlier["grid"] if cell["model"] == name and cell["fits"]):
                cells.append({**cell, **run_cell({**order, **cell})})
                print(line(cells[-1]), flush=True)
    return cells


def run_grid(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """All cells, one process after the other."""
    grid = GRID[arguments.device]
    cells = []
    for name in arguments.models or grid["models"]:
        with tempfile.TemporaryDirectory(prefix="ftdojo-shape-") as scratch:
            base = make_model(name, Path(scratch))
            for method, length, batch in product(METHODS, grid["lengths"], grid["batches"]):
                cell = {"model": name, "method": method, "length": length, "batch": batch}
                order = {**cell, "base": str(base), "threads": arguments.threads}
                order |= {"steps": arguments.steps, "seconds": arguments.seconds}
                command = [sys.executable, __file__, "--cell", json.dumps(order)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    sys.exit(f"{cell} failed:\n{done.stderr[-3000:]}")
                cells.append({**cell, **json.loads(done.stdout.splitlines()[-1])})
                print(line(cells[-1]), flush=True)
    return cells


def line(cell: dict[str, Any]) -> str:
    """One cell as a line of the table."""
    name = f"{cell['model']:12} {cell['method']:4} {cell['length']:5} x {cell['batch']:2}"
    if not cell["fits"]:
        return f"{name}  {cell['memory'] / 2**20:8.0f} MiB are forecast: does not fit"
    memory, measured = cell["memory"] / 2**20, cell["measured_memory"] / 2**20
    return (
        f"{name}  {memory:8.0f} / {measured:8.0f} MiB {cell['memory_error']:+6.1f} %"
        f"  {cell['seconds']:7.1f} / {cell['measured_seconds']:7.1f} s {cell['time_error']:+6.1f} %"
    )


def summarize(cells: list[dict[str, Any]]) -> dict[str, Any]:
    """How far off the forecasts were."""
    summary: dict[str, Any] = {"cells": len(cells)}
    for name, bound in (("memory", 15), ("time", 25)):
        errors = [abs(cell[f"{name}_error"]) for cell in cells if cell["fits"]]
        summary[name] = {
            "median_error": statistics.median(errors),
            "largest_error": max(errors),
            "bound": bound,
            "within_bound": sum(error <= bound for error in errors),
        }
    return summary


def main() -> None:
    """The parent runs the grid; a child, started with ``--cell``, one cell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="which grid; cuda needs a GPU")
    parser.add_argument("--models", nargs="*", choices=[EMBEDDED, *SHAPES], help="only these")
    parser.add_argument("--steps", type=int, default=5, help="batches of an epoch")
    parser.add_argument("--seconds", type=float, default=10.0, help="each training is forecast to take, at least")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--again", type=Path, help="hold new forecasts of memory against what this run measured")
    parser.add_argument("--cell", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.cell:
        print(json.dumps(run_cell(json.loads(arguments.cell))))
        return
    from ftdojo.models import compute

    if compute().device != arguments.device:
        sys.exit(f"this machine computes on {compute().device}, not on {arguments.device}")
    print("model        what          length x batch   memory forecast / measured     time forecast / measured")
    cells = forecast_again(arguments) if arguments.again else run_grid(arguments)
    summary = summarize([cell for cell in cells if cell["fits"]])
    for name in ("memory", "time"):
        s = summary[name]
        print(
            f"{name}: median error {s['median_error']:.1f} %, largest {s['largest_error']:.1f} %; "
            f"{s['within_bound']} of {summary['cells']} within {s['bound']} %"
        )
    if arguments.json:
        ran = {"compute": str(compute())} | {k: getattr(arguments, k) for k in ("threads", "steps", "seconds")}
        # There is no peer: the forecast is held against the measurement.
        ours, peer = summary["memory"]["largest_error"], summary["memory"]["bound"]
        print(
            json.dumps(
                {
                    "benchmark": "forecast",
                    "unit": "% largest error of memory",
                    "ours": ours,
                    "peer": peer,
                    "ratio": ours / peer,
                    **summary,
                    "ran": ran,
                    "grid": cells,
                }
            )
        )


if __name__ == "__main__":
    main()
