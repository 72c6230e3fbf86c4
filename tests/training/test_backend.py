"""The trainer interface: the keys of stored models, and the trainer of each method."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from ftdojo import digest
from ftdojo.contract.methods import BUILT_IN, find_config, names, parse_config
from ftdojo.contract.train_config import TrainConfig
from ftdojo.training import model_key, trainer_of
from ftdojo.training.sft import Sft

GOLDEN: list[tuple[dict[str, Any], str]] = [
    (
        {"method": "full", "learning_rate": 0.01, "epochs": 6, "batch_size": 8, "max_length": 64},
        "becc571ad7330b46b215e4b75a88bc9c",
    ),
    (
        {
            "method": "lora",
            "learning_rate": 1e-3,
            "epochs": 1,
            "batch_size": 8,
            "eval_fraction": 0.06,
            "lora": {"rank": 16, "alpha": 32},
        },
        "9cc8d0bf2c428874dc4f6ce15a551c0f",
    ),
    (
        {"method": "qlora", "seed": 7, "max_steps": 40, "lora": {"targets": ["q_proj", "v_proj"]}},
        "979a9df999a7964d0f73692dd260a19b",
    ),
]
"""Content of ``train.yaml`` -> digest of the stage of its model as commit 1e8ec7a computed it."""


@pytest.mark.parametrize(("train", "golden"), GOLDEN, ids=[train["method"] for train, _ in GOLDEN])
def test_models_of_earlier_builds_are_found_in_the_store(train: dict[str, Any], golden: str) -> None:
    config = parse_config(train, where="train.yaml")
    key = {"rows": "r" * 32, **model_key(trainer_of(config), config), "base": "b" * 32, "compute": "cpu/float32/sdpa"}
    assert digest.of_value(key) == golden


def test_the_built_in_methods_are_those_of_supervised_fine_tuning() -> None:
    assert names()[:3] == list(TrainConfig.methods) == ["full", "lora", "qlora"]
    assert all(isinstance(trainer_of(TrainConfig.model_validate({"method": m})), Sft) for m in TrainConfig.methods)


def test_methods_that_are_smaller_exist() -> None:
    smaller = {facts.smaller for facts in TrainConfig.methods.values()} - {None}
    assert smaller <= TrainConfig.methods.keys()


@pytest.mark.parametrize("method", BUILT_IN)
def test_a_configuration_is_read_without_a_training_framework(method: str) -> None:
    data = {"method": method} | ({"code": "pass"} if find_config(method).has_script else {})
    program = (
        "import sys; from ftdojo.contract.methods import parse_config; from ftdojo.training import trainer_of;"
        f"trainer_of(parse_config({data}, where='t'));"
        "assert not {'torch', 'transformers', 'peft'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
