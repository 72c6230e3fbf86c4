"""Trainings on preferences: what they learn, where they start, and what they promise."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from ftdojo import digest
from ftdojo.contract.methods import parse_config
from ftdojo.contract.train_config import OUT_OF_TIME, TrainConfig
from ftdojo.errors import InputError
from ftdojo.models import Compute, network
from ftdojo.training import Earlier, TrainResult, export, lineage_faults, trainer_of
from ftdojo.training.dpo.loss import log_probabilities
from ftdojo.training.dpo.pairs import Pair
from ftdojo.training.sft.batches import collate
from ftdojo.training.sft.trainer import train
from training.sft.test_trainer import config as sft_config
from training.sft.test_trainer import examples as sft_examples

SINGLE = Compute("cpu", "float32", "sdpa", "the test compares numbers")
STILL = {"learning_rate": 1e-12, "epochs": 1, "schedule": "constant", "warmup_ratio": 0.0}


def config(**changes: Any) -> Any:
    settings = {"method": "dpo", "weights": "full", "learning_rate": 1e-3, "epochs": 6, "max_length": 64}
    return parse_config({**settings, **changes}, where="train.yaml")


def pairs(base: Path, count: int = 24) -> list[Pair]:
    colours = ["red", "blue", "green"]
    trainer = trainer_of(config())
    rows = [
        {"prompt": f"Question {i}: the colour?", "chosen": colours[i % 3], "rejected": f"{colours[(i + 1) % 3]} or so"}
        for i in range(count)
    ]
    return trainer.tokenize([trainer.parse_row(row) for row in rows], base, max_length=64).examples


def run(made: list[Pair], settings: Any, base: Path, out: Path, **options: Any) -> TrainResult:
    return train(made, settings, base, out, objective=trainer_of(settings).objective(settings), on=SINGLE, **options)  # type: ignore[attr-defined]


def preferred(model: Any, made: list[Pair]) -> torch.Tensor:
    """By how much the log-probability of each chosen answer exceeds that of the rejected one, in nats."""
    with torch.no_grad():
        found, _ = log_probabilities(model, collate([e for pair in made for e in pair.sequences], 0, share=False))
    return found[:, 0] - found[:, 1]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"loss": "ipo", "sft_weight": 0.1},
        {"weights": "lora", "learning_rate": 3e-3, "lora": {"dropout": 0.1}},
        {"weights": "qlora", "learning_rate": 3e-3, "eval_fraction": 0.2},
        {"method": "orpo", "beta": 1},
    ],
    ids=["full", "ipo", "lora", "qlora", "orpo"],
)
def test_it_learns_to_prefer_and_the_export_prefers(tiny_model: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    made, settings, logs = pairs(tiny_model), config(**changes), list[dict[str, float]]()
    result = run(made, settings, tiny_model, tmp_path / "t", on_log=logs.append)
    assert result.curve[-1].loss < result.curve[0].loss
    assert [p.step for p in result.rewards] == [p.step for p in result.curve]
    assert result.rewards[-1].margin > result.rewards[0].margin + 0.01
    assert result.rewards[-1].accuracy == logs[-1]["reward_accuracy"] > 0.9
    assert result.tokens == settings.epochs * sum(p.tokens for p in made) or settings.eval_fraction
    if settings.eval_fraction:
        assert result.eval_curve[-1][1] < math.log(2), "on pairs that were not trained on"
    export(tiny_model, tmp_path / "t", tmp_path / "merged")
    before, after = (preferred(network.load(f, torch.float32, "sdpa"), made) for f in (tiny_model, tmp_path / "merged"))
    assert (after > before).float().mean() > 0.9
    last = Earlier(settings, result.steps)
    assert lineage_faults(tiny_model, tmp_path / "merged", last, []) == []


@pytest.mark.parametrize("weights", ["full", "lora"])
def test_the_reference_is_the_model_that_the_training_starts_from(
    tiny_model: Path, tmp_path: Path, weights: str
) -> None:
    """So the first loss is that of a coin after any training, and the preferences that were learned before remain."""
    made, settings = pairs(tiny_model), config(weights=weights, learning_rate=3e-3)
    first = train(
        sft_examples(tiny_model), sft_config(method=weights, epochs=2), tiny_model, tmp_path / "sft", on=SINGLE
    )
    second = run(made, settings, tiny_model, tmp_path / "dpo", start=tmp_path / "sft")
    again = run(made, config(weights=weights, **STILL), tiny_model, tmp_path / "again", start=tmp_path / "dpo")
    for result in (second, again):
        assert result.curve[0].loss == pytest.approx(math.log(2), abs=1e-4)
    for name in ("sft", "dpo", "again"):
        export(tiny_model, tmp_path / name, tmp_path / f"{name}-merged")
    sft, dpo, same = (
        preferred(network.load(tmp_path / f"{name}-merged", torch.float32, "sdpa"), made)
        for name in ("sft", "dpo", "again")
    )
    assert (dpo > sft).all()
    torch.testing.assert_close(same, dpo, atol=1e-2, rtol=1e-2)
    chain = [Earlier(sft_config(method=weights, epochs=2), first.steps), Earlier(settings, second.steps)]
    last = Earlier(sft_config(method=weights), 1)
    assert lineage_faults(tiny_model, tmp_path / "dpo-merged", chain[1], chain[:1]) == []
    assert lineage_faults(tiny_model, tmp_path / "dpo-merged", last, chain) == [], "and supervised steps may follow"


def test_a_model_that_the_training_cannot_have_made_is_a_fault(tiny_model: Path, tmp_path: Path) -> None:
    settings = config(weights="lora", epochs=1)
    run(pairs(tiny_model, 8), settings, tiny_model, tmp_path / "t")
    export(tiny_model, tmp_path / "t", tmp_path / "merged")
    tensors = load_file(tmp_path / "merged/model.safetensors")
    tensors["model.norm.weight"] += 1
    save_file(tensors, tmp_path / "merged/model.safetensors", {"format": "pt"})
    (fault,) = lineage_faults(tiny_model, tmp_path / "merged", Earlier(settings, 1), [])
    assert fault == "model.norm.weight: changed, although no adapter is on it"
    assert "reach" in lineage_faults(tiny_model, tmp_path / "merged", Earlier(config(), 1), [])[0]
    assert lineage_faults(tiny_model, tiny_model, Earlier(config(), 1), [Earlier(settings, 1)]) == [
        "weights is full here, and lora in the iteration whose weights the training starts from"
    ]


def test_the_same_arguments_give_the_same_files(tiny_model: Path, tmp_path: Path) -> None:
    made = pairs(tiny_model)
    settings = config(weights="lora", eval_fraction=0.2, sft_weight=0.1, lora={"dropout": 0.1})
    first, second = (run(made, settings, tiny_model, tmp_path / name) for name in "ab")
    assert (first.curve, first.rewards, first.eval_curve) == (second.curve, second.rewards, second.eval_curve)
    assert digest.of_folder(tmp_path / "a") == digest.of_folder(tmp_path / "b")
    run(made, settings.model_copy(update={"beta": 0.2}), tiny_model, tmp_path / "other")
    assert digest.of_folder(tmp_path / "other") != digest.of_folder(tmp_path / "a")


def test_what_the_clock_has_cut_can_be_made_again(tiny_model: Path, tmp_path: Path) -> None:
    made, settings = pairs(tiny_model), config(epochs=50)
    cut, _ = (run(made, settings, tiny_model, tmp_path / name, stop_after=4) for name in "ab")
    assert cut.stopped is not None
    assert (cut.stopped.code, cut.steps) == (OUT_OF_TIME, 4)
    assert digest.of_folder(tmp_path / "a") == digest.of_folder(tmp_path / "b")
    with pytest.raises(InputError) as caught:  # the reference alone takes longer
        run(made, settings, tiny_model, tmp_path / "late", time_left_s=1e-3)
    assert [finding.code for finding in caught.value.findings] == ["over_budget"]


@pytest.mark.slow
def test_two_devices_take_the_steps_of_one(tiny_model: Path, tmp_path: Path) -> None:
    settings = config(batch_size=4, gradient_accumulation=2, epochs=2)
    both = settings.model_copy(update={"devices": 2, "gradient_accumulation": 1})
    split = both.model_copy(update={"sharding": "full"})
    trainer, made = trainer_of(settings), pairs(tiny_model)
    one, *others = (
        trainer.train(made, c, tiny_model, tmp_path / str(i)) for i, c in enumerate((settings, both, split))
    )
    for two in others:
        assert (two.steps, len(two.rewards)) == (one.steps, len(one.rewards))
        assert [p.loss for p in two.curve] == pytest.approx([p.loss for p in one.curve], rel=0.1)


STARTS: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    ({"weights": "lora"}, {"method": "lora"}, []),
    ({"weights": "qlora"}, {"method": "lora"}, []),
    ({"weights": "full"}, {"method": "full"}, []),
    ({"weights": "lora"}, {"method": "orpo"}, []),
    ({"method": "lora", "weights": None}, {"method": "dpo"}, []),
    ({"weights": "full"}, {"method": "lora"}, ["train.yaml: weights"]),
    ({"weights": "lora", "lora": {"rank": 4}}, {"method": "lora"}, ["train.yaml: lora.rank"]),
    ({"method": "full", "weights": None}, {"method": "dpo"}, ["train.yaml: method"]),
]


@pytest.mark.parametrize(("now", "earlier", "where"), STARTS)
def test_it_starts_from_weights_of_the_same_form(
    now: dict[str, Any], earlier: dict[str, Any], where: list[str]
) -> None:
    given = {key: value for key, value in {"method": "dpo", **now}.items() if value is not None}
    first, last = (parse_config(one, where="train.yaml") for one in (earlier, given))
    assert [finding.where for finding in trainer_of(last).check_start(last, first)] == where


def test_memory_and_time_are_those_of_both_sequences(tiny_model: Path) -> None:
    made, settings = pairs(tiny_model), config()
    trainer, sft = trainer_of(settings), trainer_of(TrainConfig(method="full"))
    same = TrainConfig(method="full", batch_size=2 * settings.batch_size, max_length=64)
    alone = [example for pair in made for example in pair.sequences]
    assert trainer.memory(settings, tiny_model, made) == pytest.approx(sft.memory(same, tiny_model, alone), rel=0.02)
    wide = config(weights="full", batch_size=64)
    limit = trainer.memory(config(weights="lora", batch_size=1), tiny_model, made)
    fitting = trainer.shrink(wide, tiny_model, made, limit)
    assert fitting is not None
    assert (fitting.weights, fitting.batch_size) == ("lora", 1)
    once, twice = (trainer.forecast_s(made, config(epochs=epochs), tiny_model) for epochs in (1, 20))
    assert 0 < once < twice


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"lora": {"rank": 4}},
            "'lora' settings have no effect with weights full: remove them, or choose weights lora",
        ),
        ({"beta": 0}, "greater than 0"),
        ({"method": "orpo", "sft_weight": 1}, "sft_weight"),
        ({"loss": "hinge"}, "sigmoid"),
    ],
)
def test_a_configuration_without_a_meaning_is_a_finding(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        config(**changes)
    assert any(message in f"{finding.message} {finding.where}" for finding in caught.value.findings)
