"""The trial of a warm start: it begins with the weights from which the training would start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftdojo.contract.method_config import MethodConfig, MethodFacts
from ftdojo.contract.row import parse_row
from ftdojo.contract.train_config import TrainConfig
from ftdojo.data import prepare
from ftdojo.gates.content import Rows
from ftdojo.gates.micro import micro_training
from ftdojo.gates.reference import Reference
from ftdojo.gates.start import Starts, check_start
from ftdojo.record import Home
from ftdojo.tasks.folder import load_folder
from ftdojo.tasks.rows import read_jsonl
from ftdojo.training import tokenize
from ftdojo.training.sft import Sft
from ftdojo.training.sft.trainer import train


def test_the_trial_starts_from_the_earlier_weights(approve: Path, tiny_model: Path, tmp_path: Path, home: Home) -> None:
    task = load_folder(approve)
    raw = read_jsonl(approve / "train.jsonl")
    rows = [parse_row({"prompt": r["request"], "completion": r["verdict"]}) for r in raw]
    given = Rows(rows, Reference.from_file(task, prepare(task, "folder", home).validation))
    tokenized: Any = tokenize(rows, tiny_model, max_length=64)
    config = TrainConfig(method="full", learning_rate=1e-3, epochs=10, batch_size=8, max_length=64)
    train(tokenized.examples, config, tiny_model, tmp_path / "earlier")
    slow = config.model_copy(update={"learning_rate": 1e-4})
    losses = {}
    for name, start in (("cold", None), ("warm", tmp_path / "earlier")):
        trial = micro_training(
            given, Sft(), tokenized, slow, tiny_model, wall_left_s=None, folder=tmp_path / name, start=start
        )
        losses[name] = trial.loss
    assert losses["warm"] < 0.5 * losses["cold"]


class Other(MethodConfig):
    """A method that cannot continue."""

    methods = {"other": MethodFacts(adapters=False, usual_rates="any")}  # noqa: RUF012 - as plug-ins write it


STARTS = Starts(allowed=True, iterations=3, best=3, evaluated={1: TrainConfig(), 3: None})


@pytest.mark.parametrize(
    ("config", "starts", "code"),
    [
        (TrainConfig(), STARTS, None),
        (TrainConfig(start=1), STARTS, None),
        (TrainConfig(start="best"), STARTS, "start_changed"),
        (TrainConfig(start=2), STARTS, "unknown_start"),
        (TrainConfig(start=4), STARTS, "unknown_start"),
        (TrainConfig(start=1, lora={"rank": 4}), STARTS, "start_mismatch"),
        (TrainConfig(start=1), None, "start_not_checked"),
        (
            TrainConfig(start=1),
            Starts(allowed=False, iterations=3, best=1, evaluated={1: TrainConfig()}),
            "no_warm_start",
        ),
        (Other(method="other", start=1), STARTS, "cannot_continue"),
        (Other(method="other"), STARTS, None),
    ],
)
def test_findings(config: MethodConfig, starts: Starts | None, code: str | None) -> None:
    found = list(check_start(config, starts))
    assert [finding.code for finding in found] == ([code] if code else [])
    assert all(f.where.startswith("train.yaml: ") and f.fix for f in found)


def test_best_is_the_newest_accepted_iteration() -> None:
    assert STARTS.resolve(TrainConfig(start="best")) == 3
    assert STARTS.resolve(TrainConfig(start=1)) == 1
    assert STARTS.resolve(TrainConfig()) is None
    assert Starts(allowed=True, iterations=0, best=None, evaluated={}).resolve(TrainConfig(start="best")) is None
