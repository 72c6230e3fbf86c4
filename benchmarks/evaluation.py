"""Evaluation speed against lm-evaluation-harness: the same prompts, greedy, one precision; a fresh process each.

    python benchmarks/evaluation.py [--prompts 128] [--new-tokens 16] [--repeats 1] [--threads 2] [--json]

Needs the ``bench`` extra. Prompts ask to count the rings of a molecule, about 90 tokens each. Sides:

- ``ours``: :class:`ftdojo.inference.TransformersEngine`, as runs use it.
- ``lm_eval``: ``generate_until`` of the harness's ``hf`` model, at each of the batch sizes of ``--peer-batches``, in
  the precision of ftdojo and with fused attention; the best of them is printed with its settings. Its batch size
  ``auto`` finds a size by running out of memory, which is for GPUs.
- ``generate``: ``generate`` of transformers on one prompt at a time, without any batching: what the outputs should be.

Reported: items a second (loading and start-up not timed; the median over repeats), processor seconds, which depend less
on what else the machine is doing, and how many outputs differ from those of ``generate``. In bfloat16 the order of sums
decides between tokens that are nearly as likely; for every difference, the gap of the two logits at the first differing
token is computed in float32. ``ratio`` is ours over the harness at its best.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from training import make_rows

TIE = 0.25
"""A gap of logits that is taken for a tie: two steps of bfloat16 between 16 and 32, where the greatest logits lie."""


def conversations(count: int) -> list[list[dict[str, str]]]:
    """The prompts, as chat turns."""
    return [[{"role": "user", "content": row["prompt"]}] for row in make_rows(count)]


def ours(base: Path, count: int, new_tokens: int, _: int) -> tuple[list[str], float, float]:
    """Outputs, seconds and processor seconds of our engine."""
    from ftdojo.inference import TransformersEngine

    engine = TransformersEngine(base)
    asked = conversations(count)
    begun, worked = time.perf_counter(), time.process_time()
    answers = engine.generate(asked, max_new_tokens=new_tokens)
    return [a.text for a in answers], time.perf_counter() - begun, time.process_time() - worked


def lm_eval(base: Path, count: int, new_tokens: int, batch: int) -> tuple[list[str], float, float]:
    """The same of lm-evaluation-harness."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    model = HFLM(pretrained=str(base), batch_size=batch, **peer_settings())
    settings = {"until": [], "max_gen_toks": new_tokens, "do_sample": False}
    requests = [
        Instance(
            request_type="generate_until",
            doc={},
            arguments=(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True), settings),
            idx=number,
        )
        for number, turns in enumerate(conversations(count))
    ]
    begun, worked = time.perf_counter(), time.process_time()
    outputs = model.generate_until(requests, disable_tqdm=True)
    return list(outputs), time.perf_counter() - begun, time.process_time() - worked


def peer_settings() -> dict[str, Any]:
    """Settings of the harness besides its batch size."""
    from ftdojo.models import compute

    chosen = compute()
    return {"dtype": chosen.precision, "device": chosen.device, "attn_implementation": "sdpa"}


def generate(base: Path, count: int, new_tokens: int, _: int) -> tuple[list[str], float, float]:
    """The same of ``generate``, one prompt at a time."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from ftdojo.models import compute

    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=compute().dtype).to(compute().device)
    outputs = []
    begun, worked = time.perf_counter(), time.process_time()
    for turns in conversations(count):
        tokens = tokenizer.apply_chat_template(
            turns, add_generation_prompt=True, return_tensors="pt", return_dict=True
        ).to(model.device)
        with torch.inference_mode():
            made = model.generate(**tokens, max_new_tokens=new_tokens, do_sample=False)
        outputs.append(tokenizer.decode(made[0, tokens["input_ids"].shape[1] :], skip_special_tokens=True))
    return outputs, time.perf_counter() - begun, time.process_time() - worked


SIDES = {"ours": ours, "lm_eval": lm_eval, "generate": generate}


def gaps(base: Path, count: int, expected: list[str], outputs: list[str]) -> list[float]:
    """For every output that differs, the gap of the logits of the two tokens where it first does, in float32."""
    import torch
    from transformers import AutoTokenizer

    from ftdojo.models import Chat, network

    tokenizer, chat = AutoTokenizer.from_pretrained(base), Chat(base)
    model = network.load(base, torch.float32, "sdpa")
    found = []
    for turns, one, other in zip(conversations(count), expected, outputs, strict=True):
        if one == other:
            continue
        a, b = ([*tokenizer(t, add_special_tokens=False).input_ids, tokenizer.eos_token_id] for t in (one, other))
        at = next((i for i, pair in enumerate(zip(a, b, strict=False)) if pair[0] != pair[1]), 0)
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([chat.prompt(turns) + a[:at]]), logits_to_keep=1).logits[0, -1]
        found.append(abs(float(logits[a[at]] - logits[b[at]])))
    return found


def run_side(arguments: argparse.Namespace) -> dict[str, Any]:
    """One side in this process."""
    import torch

    torch.set_num_threads(arguments.threads)
    side, batch = arguments.side.partition("@")[::2]
    outputs, seconds, worked = SIDES[side](arguments.base, arguments.prompts, arguments.new_tokens, int(batch or 0))
    return {"items_per_s": len(outputs) / seconds, "seconds": seconds, "cpu_seconds": worked, "outputs": outputs}


def compare(arguments: argparse.Namespace, base: Path) -> dict[str, Any]:
    """Every side in turn, in fresh processes, as often as asked for."""
    sides = ["ours", *(f"lm_eval@{batch}" for batch in arguments.peer_batches), "generate"]
    measured: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(arguments.repeats):
        for side in sides:
            command = [sys.executable, __file__, "--side", side, "--base", str(base)]
            command += ["--prompts", str(arguments.prompts), "--new-tokens", str(arguments.new_tokens)]
            done = subprocess.run(
                [*command, "--threads", str(arguments.threads)], capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.exit(f"{side} failed:\n{done.stderr[-3000:]}")
            measured[side].append(json.loads(done.stdout.splitlines()[-1]))
            print(f"{side:12} {measured[side][-1]['items_per_s']:.1f} items/s", file=sys.stderr, flush=True)
    expected = measured["generate"][0]["outputs"]
    summary = {}
    for side, results in measured.items():
        found = gaps(base, arguments.prompts, expected, results[0]["outputs"])
        speeds = [r["items_per_s"] for r in results]
        summary[side] = {
            "items_per_s": statistics.median(speeds),
            "items_per_s_range": [min(speeds), max(speeds)],
            "cpu_seconds": statistics.median(r["cpu_seconds"] for r in results),
            "repeatable": all(r["outputs"] == results[0]["outputs"] for r in results),
            "differ": len(found),
            "ties": sum(gap <= TIE for gap in found),
            "largest_gap": max(found, default=0.0),
        }
    harness = [name for name in summary if name.startswith("lm_eval")]
    best = max(harness, key=lambda name: summary[name]["items_per_s"])
    peer = summary[best]
    return {
        "benchmark": "evaluation",
        "unit": "items/s",
        "ours": summary["ours"]["items_per_s"],
        "peer": peer["items_per_s"],
        "peer_settings": {"batch_size": int(best.partition("@")[2]), **peer_settings()},
        "ratio": summary["ours"]["items_per_s"] / peer["items_per_s"],
        "sides": summary,
        "ran": {
            "model": "smollm2-135m",
            "prompts": arguments.prompts,
            "new_tokens": arguments.new_tokens,
            "threads": arguments.threads,
            "repeats": arguments.repeats,
            **environment(),
        },
    }


def environment() -> dict[str, Any]:
    """What the measurement depends on."""
    from importlib.metadata import version

    from ftdojo.models import compute

    packages = {name: version(name) for name in ("torch", "transformers", "lm_eval")}
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
    parser.add_argument("--prompts", type=int, default=128)
    parser.add_argument("--new-tokens", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--peer-batches", type=int, nargs="*", default=[32, 64, 128], help="batch sizes of the harness")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--base", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(run_side(arguments)))
        return
    from ftdojo import models
    from ftdojo.record import Home

    report = compare(arguments, models.resolve(models.EMBEDDED, Home.default().root))
    for side, values in report["sides"].items():
        print(
            f"{side:12} {values['items_per_s']:6.1f} items/s  {values['cpu_seconds']:6.1f} processor seconds  "
            f"{values['differ']} outputs differ, {values['ties']} by ties (largest gap {values['largest_gap']:.3f})"
        )
    settings = ", ".join(f"{name} {value}" for name, value in report["peer_settings"].items())
    print(f"lm-evaluation-harness {report['ran']['lm_eval']} at its best: {settings}")
    print(f"ours is {report['ratio']:.2f} times as fast")
    if arguments.json:
        print(json.dumps(report))


if __name__ == "__main__":
    main()
