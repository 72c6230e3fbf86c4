"""Kahneman-Tversky optimization against its formula: in numbers, on a batch, and over two steps of plain torch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from ftdojo.contract.methods import parse_config
from ftdojo.errors import InputError
from ftdojo.models import Compute, network
from ftdojo.training import Earlier, export, lineage_faults, trainer_of
from ftdojo.training.dpo.config import KtoConfig
from ftdojo.training.dpo.judged import JudgedPair
from ftdojo.training.dpo.loss import Answers, KtoObjective, log_probabilities
from ftdojo.training.sft.batches import collate
from ftdojo.training.sft.tokens import IGNORED, Example
from ftdojo.training.sft.trainer import train

SINGLE = Compute("cpu", "float32", "sdpa", "the test compares numbers")


def config(**changes: Any) -> Any:
    keys = {"method": "kto", "weights": "full", "learning_rate": 1e-3, "schedule": "constant", "warmup_ratio": 0}
    return parse_config({**keys, **changes}, where="train.yaml")


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def test_known_answers() -> None:
    """Log-ratios are +2 of a good answer and +1 of a bad one; those of other answers have the mean 0.5."""
    values = (
        torch.tensor([[-4.0, -3.0], [-5.0, -9.0]]),
        torch.tensor([[-6.0, -4.0], [-6.0, -9.0]]),
        torch.tensor([[2, 3], [4, 2]]),
    )
    losses, margins = KtoObjective(0.5, 2.0, 1.0).losses(Answers(*values, torch.tensor([True, False])))
    assert losses.tolist() == pytest.approx([2 * (1 - sigmoid(0.5 * 1.5)), 1 - sigmoid(-0.5 * 0.5)])
    assert margins.tolist() == pytest.approx([0.75, -0.25])


def test_the_reference_point_is_not_below_zero() -> None:
    policy, reference = torch.tensor([[-4.0, -9.0]]), torch.tensor([[-6.0, -4.0]])
    _, margins = KtoObjective(1.0, 1.0, 1.0).losses(Answers(policy, reference, torch.ones(1, 2), torch.tensor([True])))
    assert float(margins) == 2.0


def rows() -> list[JudgedPair]:
    """Six answers of different lengths, of which half are good; each with the answer of the row before."""
    generator = torch.Generator().manual_seed(0)

    def draw(count: int) -> list[int]:
        return torch.randint(0, 1000, (count,), generator=generator).tolist()

    parts = [(draw(given), draw(said)) for given, said in [(3, 2), (9, 5), (6, 1), (4, 4), (5, 3), (8, 2)]]

    def join(prompt: list[int], said: list[int]) -> Example:
        return Example(prompt + said, [IGNORED] * len(prompt) + said)

    return [
        JudgedPair(join(prompt, said), join(prompt, parts[i - 1][1]), good=i % 2 == 0)
        for i, (prompt, said) in enumerate(parts)
    ]


def log_probability(model: Any, example: Example) -> torch.Tensor:
    """Of the label tokens of one sequence, from all its logits, without padding."""
    scores = model(input_ids=torch.tensor([example.input_ids])).logits[0].log_softmax(-1)
    learned = [i for i, label in enumerate(example.labels) if label != IGNORED]
    return sum((scores[i - 1, example.labels[i]] for i in learned), torch.zeros(()))


def reference_loss(model: Any, before: Any, made: list[JudgedPair], beta: float) -> torch.Tensor:
    """As the paper writes it: the mean of 1 - value, with the value of each answer relative to the reference point."""
    ratios = []
    for row in made:
        with torch.no_grad():
            start = [log_probability(before, example) for example in row.sequences]
        ratios.append([log_probability(model, e) - s for e, s in zip(row.sequences, start, strict=True)])
    point = max(0.0, float(sum(float(other.detach()) for _, other in ratios) / len(ratios)))
    values = [
        torch.sigmoid(beta * (own - point) if row.good else beta * (point - own))
        for row, (own, _) in zip(made, ratios, strict=True)
    ]
    return torch.stack([1 - value for value in values]).mean()


def test_two_steps_are_those_of_plain_torch(tiny_model: Path, tmp_path: Path) -> None:
    """In the second step the policy is not the reference any more."""
    settings = config(batch_size=6, max_steps=2, epochs=2, beta=0.5)
    objective = trainer_of(settings).objective(settings)  # type: ignore[attr-defined]
    result = train(rows(), settings, tiny_model, tmp_path / "out", objective=objective, on=SINGLE)
    before, model = (network.load(tiny_model, torch.float32, "sdpa") for _ in range(2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    losses = []
    for _ in range(2):
        loss = reference_loss(model, before, rows(), 0.5)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[0] == pytest.approx(0.5)
    assert losses[1] < losses[0]
    assert [point.loss for point in result.curve] == pytest.approx(losses, rel=1e-4)
    trained, first = load_file(tmp_path / "out/model.safetensors"), dict(before.named_parameters())
    moved = sum(float((p.detach() - first[n].detach()).abs().sum()) for n, p in model.named_parameters())
    apart = sum(float((trained[n] - p.detach()).abs().sum()) for n, p in model.named_parameters())
    assert apart < 0.01 * moved


@pytest.mark.parametrize("weights", ["full", "lora"])
def test_good_answers_become_likelier_than_bad_ones_and_the_export_says_the_same(
    tiny_model: Path, tmp_path: Path, weights: str
) -> None:
    settings = config(weights=weights, learning_rate=3e-3, epochs=8, max_length=64)
    trainer = trainer_of(settings)
    texts = [
        {"prompt": f"Question {i}: the colour?", "completion": "red" if good else "blue", "label": good}
        for i in range(12)
        for good in (True, False)
    ]
    made = trainer.tokenize([trainer.parse_row(row) for row in texts], tiny_model, max_length=64).examples
    objective = trainer.objective(settings)  # type: ignore[attr-defined]
    result = train(made, settings, tiny_model, tmp_path / "t", objective=objective, on=SINGLE)
    assert result.curve[-1].loss < result.curve[0].loss
    assert result.rewards[-1].margin > result.rewards[0].margin
    assert result.rewards[-1].accuracy > 0.9
    assert result.rewards[-1].drift is None, "the rows say nothing of one answer alone"
    export(tiny_model, tmp_path / "t", tmp_path / "merged")
    batch = collate([pair.chosen for pair in made], 0, share=False)
    with torch.no_grad():
        before, after = (
            log_probabilities(network.load(f, torch.float32, "sdpa"), batch)[0]
            for f in (tiny_model, tmp_path / "merged")
        )
    assert ((after - before)[:, 0] > (after - before)[:, 1]).all(), "good and bad answers alternate"
    assert lineage_faults(tiny_model, tmp_path / "merged", Earlier(settings, result.steps), []) == []


@pytest.mark.parametrize("keys", [{"devices": 2}, {"batch_size": 1}, {"desirable_weight": 0}, {"loss": "ipo"}])
def test_settings_that_cannot_be_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KtoConfig(**keys)
    with pytest.raises(InputError):
        config(**keys)
