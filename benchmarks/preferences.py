"""Losses, gradients and optimizer steps of ``dpo`` against TRL's ``DPOTrainer``, on the same tokens in float32.

    python benchmarks/preferences.py [--model smollm2-135m] [--pairs 8] [--steps 3]

Needs the ``bench`` extra. The policy is the base model with noise on its weights, so that it is not the reference, and
the base model is the reference. Printed for each loss: both values, and how far the gradients of all weights are apart,
relative to their norm. Then the base model is trained for a few steps of AdamW on one batch of all pairs by both
trainers: printed are the losses, and how far the weights are apart, relative to how far they moved.

A difference of float32 rounding is expected, as the sequences of a batch are padded on other sides. The script fails if
a loss differs by more than 0.01 %, gradients by more than 0.1 %, or the trained weights by more than 2 %: AdamW divides
by the root of the gradient's square, which magnifies rounding where gradients are near zero.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from ftdojo import models
from ftdojo.contract.methods import parse_config
from ftdojo.models import Chat, Compute, network
from ftdojo.record import Home
from ftdojo.training.backend import trainer_of
from ftdojo.training.dpo.pairs import Pair
from ftdojo.training.sft.trainer import train

RATE, BETA, NOISE = 1e-6, 0.1, 2e-3
SINGLE = Compute("cpu", "float32", "sdpa", "the benchmark compares numbers")
WORDS = "the a red blue small old house river friend letter music garden walks sings reads finds quickly often".split()


def make_pairs(count: int, base: Path) -> list[Pair]:
    """Sentences of random words; chosen and rejected answers have other lengths."""
    rng = random.Random(0)

    def text(low: int, high: int) -> str:
        return " ".join(rng.choices(WORDS, k=rng.randint(low, high)))

    trainer = trainer_of(config("sigmoid"))
    rows = [{"prompt": text(8, 30), "chosen": text(2, 20), "rejected": text(2, 20)} for _ in range(count)]
    pairs: list[Pair] = trainer.tokenize([trainer.parse_row(row) for row in rows], base, max_length=256).examples
    return pairs


def config(loss: str, **changes: Any) -> Any:
    """The configuration of our side."""
    settings = {"method": "dpo", "weights": "full", "beta": BETA, "loss": loss, "learning_rate": RATE}
    constant = {"schedule": "constant", "warmup_ratio": 0.0}
    return parse_config({**settings, **constant, **changes}, where="train.yaml")


def trl_trainer(policy: Any, reference: Any, pairs: list[Pair], base: Path, loss: str, out: Path, steps: int) -> Any:
    """TRL's trainer, which gets our tokens."""
    from datasets import Dataset
    from transformers import AutoTokenizer
    from transformers.trainer_callback import PrinterCallback
    from trl import DPOConfig, DPOTrainer

    settings = DPOConfig(
        output_dir=str(out),
        beta=BETA,
        loss_type=[loss],
        learning_rate=RATE,
        lr_scheduler_type="constant",
        max_steps=steps,
        per_device_train_batch_size=len(pairs),
        bf16=False,
        gradient_checkpointing=False,
        disable_dropout=True,
        save_strategy="no",
        report_to=[],
        logging_steps=1,
        disable_tqdm=True,
        use_cpu=True,
    )
    placeholder = Dataset.from_list([{"prompt": "a", "chosen": "b", "rejected": "c"}] * len(pairs))
    trainer = DPOTrainer(
        model=policy,
        ref_model=reference,
        args=settings,
        train_dataset=placeholder,
        processing_class=AutoTokenizer.from_pretrained(base),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train_dataset = Dataset.from_list([trl_row(pair) for pair in pairs])
    return trainer


def trl_row(pair: Pair) -> dict[str, list[int]]:
    """A pair as TRL's collator takes it."""
    prompt = pair.chosen.tokens - pair.chosen.label_tokens
    return {
        "prompt_ids": pair.chosen.input_ids[:prompt],
        "chosen_ids": pair.chosen.input_ids[prompt:],
        "rejected_ids": pair.rejected.input_ids[prompt:],
    }


def compare_gradients(base: Path, pairs: list[Pair], loss: str, out: Path) -> bool:
    """Print loss and gradients of both sides, and return whether they agree."""
    policy, reference = (network.load(base, torch.float32, "sdpa") for _ in range(2))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.add_(NOISE * torch.randn(parameter.shape, generator=generator))
    parameters = [p for p in policy.parameters() if p.requires_grad]
    settings, pad = config(loss), Chat(base).pad
    objective = trainer_of(settings).objective(settings)  # type: ignore[attr-defined]
    made = objective.prepare(reference, pairs, 4, lambda rows: objective.collate(rows, pad, share=True))
    found = objective.loss(policy, objective.collate(made, pad, share=True))
    ours = found.total / found.units
    our_gradients = torch.autograd.grad(ours, parameters)

    trainer = trl_trainer(policy, reference, pairs, base, loss, out, 1)
    batch = trainer._prepare_inputs(trainer.data_collator([trl_row(pair) for pair in pairs]))
    theirs = trainer.compute_loss(policy, batch)
    their_gradients = torch.autograd.grad(theirs, parameters)
    norm = torch.stack([g.norm() for g in their_gradients]).norm()
    apart = torch.stack([(a - b).norm() for a, b in zip(our_gradients, their_gradients, strict=True)]).norm() / norm
    ours, theirs = ours.detach(), theirs.detach()
    margin = float(found.logged["reward_margin"] / found.units)
    print(
        f"{loss:8} loss ours {float(ours):.6f}, TRL {float(theirs):.6f}; reward margin {margin:+.4f}; gradient norm "
        f"{float(norm):.4f}, apart {float(apart):.1e}"
    )
    return abs(float(ours) - float(theirs)) <= 1e-4 * abs(float(theirs)) and float(apart) < 1e-3


def compare_steps(base: Path, pairs: list[Pair], steps: int, out: Path) -> bool:
    """Print losses and weights of both sides after a few steps on one batch, and return whether they agree."""
    settings = config("sigmoid", batch_size=len(pairs), epochs=steps, max_steps=steps)
    objective = trainer_of(settings).objective(settings)  # type: ignore[attr-defined]
    result = train(pairs, settings, base, out / "ours", objective=objective, on=SINGLE)
    start, policy, reference = (network.load(base, torch.float32, "sdpa") for _ in range(3))
    trainer = trl_trainer(policy, reference, pairs, base, "sigmoid", out / "trl", steps)
    trainer.train()
    theirs = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    first, last = dict(start.named_parameters()), dict(policy.named_parameters())
    ours = dict(network.load(out / "ours", torch.float32, "sdpa").named_parameters())
    moved = sum(float((last[name] - first[name]).detach().abs().sum()) for name in first)
    apart = sum(float((last[name] - ours[name]).detach().abs().sum()) for name in first) / moved
    print(f"{steps} steps: losses ours {[round(p.loss, 6) for p in result.curve]}, TRL {[round(x, 6) for x in theirs]}")
    print(f"         weights apart {apart:.2%} of how far they moved")
    pairs_of_losses = zip([point.loss for point in result.curve], theirs, strict=True)
    return apart < 0.02 and all(abs(a - b) < 1e-3 * b for a, b in pairs_of_losses)


def main() -> None:
    """Compare both sides."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--steps", type=int, default=3)
    arguments = parser.parse_args()
    base = models.resolve(arguments.model, Home.default().root)
    pairs = make_pairs(arguments.pairs, base)
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        agree = [compare_gradients(base, pairs, loss, out) for loss in ("sigmoid", "ipo")]
        agree.append(compare_steps(base, pairs, arguments.steps, out))
    sys.exit(0 if all(agree) else "the sides differ by more than rounding")


if __name__ == "__main__":
    main()
