"""Losses and optimizer steps of ``grpo`` against TRL's ``GRPOTrainer``, on the same answers and rewards in float32.

    python benchmarks/grpo.py [--model smollm2-135m] [--prompts 2] [--answers 4] [--steps 4]

Needs the ``bench`` extra. Prompts and answers are random words, and both trainers get the same ones in every step, with
the same rewards, from which they compute advantages, log-probabilities and losses. They take two optimizer steps on the
answers, so every second one is with a model that did not give them. Printed for each form of the loss: the losses of
all steps by both sides, their largest difference, and how far the trained weights are apart, relative to how far they
moved.

A difference of float32 rounding is expected, as the sequences of a batch are padded on other sides. The script fails if
a loss differs by more than 0.001, or the trained weights by more than 2 %: AdamW divides by the root of the gradient's
square, which magnifies rounding where gradients are near zero.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ftdojo import models
from ftdojo.contract.methods import parse_config
from ftdojo.models import Chat, Compute, network
from ftdojo.record import Home
from ftdojo.training.grpo.config import GrpoConfig
from ftdojo.training.grpo.draw import Answer
from ftdojo.training.grpo.objective import GrpoObjective
from ftdojo.training.grpo.reward import Output, Rewards
from ftdojo.training.grpo.rows import ItemRow, Prompt
from ftdojo.training.sft.tokens import IGNORED, Example
from ftdojo.training.sft.trainer import train

RATE, LIMIT, ITERATIONS = 1e-5, 24, 2
SINGLE = Compute("cpu", "float32", "sdpa", "the benchmark compares numbers")
WORDS = "the a red blue small old house river friend letter music garden walks sings reads finds quickly often".split()
CASES: list[dict[str, Any]] = [
    {"loss": "dapo"},
    {"loss": "grpo"},
    {"loss": "dr_grpo", "scale_rewards": "none"},
    {"loss": "dapo", "kl": 0.1},
    {"loss": "grpo", "kl": 0.1, "scale_rewards": "batch", "temperature": 0.7, "clip_high": 0.3},
]


@dataclass(frozen=True)
class Fixed:
    """Gives the same answers in every step, in place of :class:`ftdojo.training.grpo.draw.Draws`."""

    answers: dict[int, list[Answer]]
    """Number of a prompt -> its answers."""

    def draw(self, network: Any, prompts: Sequence[Prompt]) -> list[list[Answer]]:
        """Return the answers."""
        return [self.answers[prompt.number] for prompt in prompts]


def make_answers(prompts: int, count: int, base: Path) -> tuple[list[Prompt], Fixed]:
    """Prompts of random words, each with several answers of random words."""
    rng, chat = random.Random(0), Chat(base)
    rows, answers = [], {}
    for number in range(prompts):
        asked = ({"role": "user", "content": " ".join(rng.choices(WORDS, k=rng.randint(8, 30)))},)
        before, made = chat.prompt(asked), []
        for _ in range(count):
            text = " ".join(rng.choices(WORDS, k=rng.randint(2, 20)))
            tokens = chat.conversation([*asked, {"role": "assistant", "content": text}])[0][len(before) :]
            made.append(Answer(tokens, Output(text, len(tokens), LIMIT)))
        first = made[0].tokens
        gold = Example(before + first, [IGNORED] * len(before) + first)
        rows.append(Prompt(ItemRow(asked, "gold", item={}), before, gold, LIMIT, number))
        answers[number] = made
    return rows, Fixed(answers)


def reward_of(tokens: Sequence[int]) -> float:
    """A number from 0 to 1 that depends on all tokens of an answer."""
    return sum(tokens) % 7 / 6


def config(steps: int, rows: int, answers: int, **changes: Any) -> GrpoConfig:
    """The configuration of our side."""
    settings = {"method": "grpo", "weights": "full", "learning_rate": RATE, "schedule": "constant", "warmup_ratio": 0}
    sizes = {"batch_size": rows, "group_size": answers, "iterations": ITERATIONS, "max_steps": steps, "epochs": steps}
    made = parse_config({**settings, **sizes, **changes}, where="train.yaml")
    assert isinstance(made, GrpoConfig)
    return made


def train_ours(rows: list[Prompt], fixed: Fixed, settings: GrpoConfig, base: Path, out: Path) -> list[float]:
    """Train with our side, and return the losses."""
    known = {answer.output.text: reward_of(answer.tokens) for group in fixed.answers.values() for answer in group}

    def scores(items: Sequence[dict[str, Any]], outputs: Sequence[str]) -> list[dict[str, Any]]:
        return [{"score": known[text], "parsed": True, "error": None} for text in outputs]

    objective = GrpoObjective(settings, Rewards(scores, higher_is_better=True), fixed)
    return [point.loss for point in train(rows, settings, base, out, objective=objective, on=SINGLE).curve]


def train_trl(rows: list[Prompt], fixed: Fixed, settings: GrpoConfig, base: Path, out: Path) -> tuple[list[float], Any]:
    """Train with TRL, and return the losses and the model."""
    from datasets import Dataset
    from transformers import AutoTokenizer
    from transformers.trainer_callback import PrinterCallback
    from trl import GRPOConfig as TrlConfig
    from trl import GRPOTrainer

    def roll_out(prompts: list[str], _: Any) -> dict[str, Any]:
        seen = dict.fromkeys(prompts, 0)
        ids: list[list[int]] = []
        answers: list[list[int]] = []
        for prompt in prompts:
            number = int(prompt)
            ids.append(rows[number].asked)
            answers.append(fixed.answers[number][seen[prompt]].tokens)
            seen[prompt] += 1
        return {"prompt_ids": ids, "completion_ids": answers, "logprobs": None}

    arguments = TrlConfig(
        output_dir=str(out),
        learning_rate=RATE,
        lr_scheduler_type="constant",
        max_steps=settings.max_steps,
        beta=settings.kl,
        loss_type=settings.loss,
        scale_rewards=settings.scale_rewards,
        epsilon=settings.clip_low,
        epsilon_high=settings.clip_high,
        temperature=settings.temperature,
        num_iterations=settings.iterations,
        max_completion_length=LIMIT,
        num_generations=settings.group_size,
        per_device_train_batch_size=settings.group_size * len(rows),
        bf16=False,
        gradient_checkpointing=False,
        save_strategy="no",
        report_to=[],
        logging_steps=1,
        disable_tqdm=True,
        use_cpu=True,
    )
    policy = network.load(base, torch.float32, "sdpa")
    trainer = GRPOTrainer(
        model=policy,
        reward_funcs=lambda completion_ids, **_: [reward_of(tokens) for tokens in completion_ids],
        args=arguments,
        train_dataset=Dataset.from_list([{"prompt": str(number)} for number in range(len(rows))]),
        processing_class=AutoTokenizer.from_pretrained(base),
        rollout_func=roll_out,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry], policy


def compare(case: dict[str, Any], rows: list[Prompt], fixed: Fixed, steps: int, base: Path, out: Path) -> bool:
    """Print losses and weights of both sides, and return whether they agree."""
    settings = config(steps, len(rows), len(fixed.answers[0]), **case)
    ours = train_ours(rows, fixed, settings, base, out / "ours")
    theirs, policy = train_trl(rows, fixed, settings, base, out / "trl")
    first, last = dict(network.load(base, torch.float32, "sdpa").named_parameters()), dict(policy.named_parameters())
    made = dict(network.load(out / "ours", torch.float32, "sdpa").named_parameters())
    moved = sum(float((last[name] - first[name]).detach().abs().sum()) for name in first)
    apart = sum(float((last[name] - made[name]).detach().abs().sum()) for name in first) / moved
    most = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    print(" ".join(f"{key}={value}" for key, value in case.items()))
    print(f"    losses ours {[round(x, 6) for x in ours]}, TRL {[round(x, 6) for x in theirs]}")
    print(f"    losses apart at most {most:.1e}; weights apart {apart:.2%} of how far they moved")
    return most < 1e-3 and apart < 0.02


def main() -> None:
    """Compare both sides."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--prompts", type=int, default=2)
    parser.add_argument("--answers", type=int, default=4)
    parser.add_argument("--steps", type=int, default=4)
    arguments = parser.parse_args()
    base = models.resolve(arguments.model, Home.default().root)
    rows, fixed = make_answers(arguments.prompts, arguments.answers, base)
    agree = []
    for number, case in enumerate(CASES):
        with tempfile.TemporaryDirectory() as scratch:
            agree.append(compare(case, rows, fixed, arguments.steps, base, Path(scratch, str(number))))
    sys.exit(0 if all(agree) else "the sides differ by more than rounding")


if __name__ == "__main__":
    main()
