"""train.yaml is typed: nothing is dropped, nothing contradicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftdojo.contract import train_config
from ftdojo.errors import InputError
from ftdojo.schema import load_file


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("learning_rat: 1", "did you mean 'learning_rate'?"),
        ("epochs: 0", "epochs"),
        ("learning_rate: fast", "learning_rate"),
        ("method: full\nlora: {rank: 4}", "no effect with method full"),
        ("patience: 2", "needs held-out rows"),
        ("lora: {rank: 4, alfa: 3}", "did you mean 'alpha'?"),
        ("- a list", "train.yaml"),
        ("epochs: [", "train.yaml"),
    ],
)
def test_faults_are_named_with_a_fix(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "train.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_file(path, train_config.TrainConfig)
    assert says in "\n".join(f"{f.message} {f.where} {f.fix}" for f in caught.value.findings)


def test_every_key_is_described_in_the_schema() -> None:
    described = train_config.TrainConfig.model_json_schema()["properties"]
    assert all(entry.get("description") for entry in described.values())
