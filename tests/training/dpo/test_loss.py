"""Losses of preferences against their formulas, in numbers and on a tiny model with one row at a time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ftdojo.contract.methods import parse_config
from ftdojo.models import Compute, network
from ftdojo.training.backend import trainer_of
from ftdojo.training.dpo.loss import Answers, DpoObjective, OrpoObjective, PreferenceObjective
from ftdojo.training.dpo.pairs import Pair
from ftdojo.training.sft.tokens import IGNORED, Example
from ftdojo.training.sft.trainer import train

SINGLE = Compute("cpu", "float32", "sdpa", "the test compares numbers")


def answers(policy: list[float], reference: list[float], tokens: list[int]) -> Answers:
    """One pair, the chosen answer first."""
    return Answers(*(torch.tensor([values], dtype=torch.float64) for values in (policy, reference, tokens)))


@pytest.mark.parametrize(
    ("objective", "loss", "margin"),
    [
        (DpoObjective(0.5, "sigmoid", 0.0), -math.log(1 / (1 + math.exp(-1.5))), 1.5),
        (DpoObjective(0.5, "sigmoid", 0.2), -math.log(1 / (1 + math.exp(-1.5))) + 0.2 * 4 / 2, 1.5),
        (DpoObjective(0.5, "ipo", 0.0), (2 / 2 + 1 / 4 - 1) ** 2, 0.5 * (2 / 2 + 1 / 4)),
        (
            OrpoObjective(0.5),
            4 / 2 - 0.5 * math.log(1 / (1 + math.exp(math.log(math.exp(2) - 1) - math.log(math.exp(2.5) - 1)))),
            0.5 * (-4 / 2 + 10 / 4),
        ),
    ],
    ids=["sigmoid", "with_cross_entropy", "ipo", "orpo"],
)
def test_known_answers(objective: PreferenceObjective[Pair], loss: float, margin: float) -> None:
    """The log-ratio of the chosen answer is +2, that of the rejected one -1. Odds are p / (1 - p) = 1 / (1 / p - 1)."""
    losses, margins = objective.losses(answers([-4, -10], [-6, -9], [2, 4]))
    assert float(losses) == pytest.approx(loss, rel=1e-6)
    assert float(margins) == pytest.approx(margin, rel=1e-6)


def test_the_drift_is_that_of_the_chosen_answer_per_token() -> None:
    """Its log-probability went from -6 to -10 over 2 tokens."""
    drifts = DpoObjective(0.5, "sigmoid", 0.0).drifts(answers([-10, -10], [-6, -9], [2, 4]))
    assert float(drifts) == pytest.approx(2.0)
    assert OrpoObjective(0.5).drifts(answers([-10, -10], [0, 0], [2, 4])) is None


def test_without_a_change_the_loss_is_that_of_a_coin() -> None:
    losses, margins = DpoObjective(0.1, "sigmoid", 0.0).losses(answers([-4, -9], [-4, -9], [2, 3]))
    assert float(losses) == pytest.approx(math.log(2))
    assert float(margins) == 0


def test_odds_of_a_certain_answer_have_gradients() -> None:
    policy = torch.tensor([[0.0, -3.0]], requires_grad=True)
    losses, _ = OrpoObjective(1.0).losses(Answers(policy, torch.zeros(1, 2), torch.ones(1, 2)))
    losses.sum().backward()  # type: ignore[no-untyped-call]
    assert policy.grad is not None
    assert torch.isfinite(policy.grad).all()


def pairs(shared: int = 0) -> list[Pair]:
    """Four pairs of answers of different lengths; with ``shared`` equal tokens before all prompts."""
    generator = torch.Generator().manual_seed(shared)

    def draw(count: int) -> list[int]:
        return torch.randint(0, 1000, (count,), generator=generator).tolist()

    made = []
    for given, chosen, rejected in [(3, 2, 4), (9, 5, 1), (6, 1, 3), (4, 4, 4)]:
        prompt = [*range(200, 200 + shared), *draw(given)]
        both = [Example(prompt + said, [IGNORED] * len(prompt) + said) for said in (draw(chosen), draw(rejected))]
        made.append(Pair(both[0], both[1]))
    return made


def log_probability(model: Any, example: Example) -> torch.Tensor:
    """Of the label tokens of one sequence, from all its logits, without padding."""
    scores = model(input_ids=torch.tensor([example.input_ids])).logits[0].log_softmax(-1)
    learned = [i for i, label in enumerate(example.labels) if label != IGNORED]
    return sum((scores[i - 1, example.labels[i]] for i in learned), torch.zeros(()))


def reference_loss(model: Any, before: Any, made: list[Pair], beta: float) -> torch.Tensor:
    """The mean of -log(sigmoid(beta * difference of log-ratios)), as the paper writes it."""
    losses = []
    for pair in made:
        with torch.no_grad():
            start = [log_probability(before, example) for example in pair.sequences]
        chosen, rejected = (log_probability(model, e) - s for e, s in zip(pair.sequences, start, strict=True))
        losses.append(-torch.log(1 / (1 + torch.exp(-beta * (chosen - rejected)))))
    return torch.stack(losses).mean()


@pytest.mark.parametrize("shared", [0, 20])
@pytest.mark.parametrize("function", ["sdpa", "eager"])
def test_a_batch_has_the_loss_and_the_gradients_of_its_rows(tiny_model: Path, shared: int, function: str) -> None:
    before, model = (network.load(tiny_model, torch.float32, function) for _ in range(2))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    objective, parameters = DpoObjective(0.3, "sigmoid", 0.0), [p for p in model.parameters() if p.requires_grad]
    made = objective.prepare(before, pairs(shared), 3, lambda rows: objective.collate(rows, 0, share=True))
    loss = objective.loss(model, objective.collate(made, 0, share=True))
    expected = reference_loss(model, before, made, 0.3)
    assert int(loss.units) == 4
    torch.testing.assert_close(loss.total / loss.units, expected, atol=1e-5, rtol=1e-5)
    ours, theirs = torch.autograd.grad(loss.total / loss.units, parameters), torch.autograd.grad(expected, parameters)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("accumulation", [1, 2])
def test_two_steps_are_those_of_plain_torch(tiny_model: Path, tmp_path: Path, accumulation: int) -> None:
    """In the second step the policy is not the reference any more."""
    settings = {"method": "dpo", "weights": "full", "learning_rate": 1e-3, "max_steps": 2, "epochs": 2, "beta": 0.5}
    sizes = {"batch_size": 4 // accumulation, "gradient_accumulation": accumulation}
    config = parse_config({**settings, **sizes, "schedule": "constant", "warmup_ratio": 0}, where="train.yaml")
    objective = trainer_of(config).objective(config)  # type: ignore[attr-defined]
    result = train(pairs(), config, tiny_model, tmp_path / "out", objective=objective, on=SINGLE)  # type: ignore[arg-type]
    before, model = (network.load(tiny_model, torch.float32, "sdpa") for _ in range(2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    losses = []
    for _ in range(2):
        loss = reference_loss(model, before, pairs(), 0.5)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[1] < losses[0]
    assert [point.loss for point in result.curve] == pytest.approx(losses, rel=1e-4)
    trained, first = load_file(tmp_path / "out/model.safetensors"), dict(before.named_parameters())
    # Adam divides by the root of the gradient's square, which magnifies rounding where gradients are near zero.
    moved = {n: p.detach() - first[n].detach() for n, p in model.named_parameters()}
    apart = sum(float((trained[n] - p.detach()).abs().sum()) for n, p in model.named_parameters())
    assert apart < 0.01 * sum(float(change.abs().sum()) for change in moved.values())
