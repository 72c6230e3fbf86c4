"""``ftdojo model check``: what holds of a model is said before anything is trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ftdojo.cli.main import app
from ftdojo.errors import UsageError


def check(*arguments: str, status: int = 0) -> Any:
    done = CliRunner().invoke(app, ["model", "check", *arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == status, done.output
    return json.loads(done.stdout)


def test_a_model_that_can_be_trained(tiny_model: Path) -> None:
    found = check(str(tiny_model))
    checks = {one["name"]: one for one in found["checks"]}
    assert all(one["ok"] for one in checks.values())
    assert "'Five.'" in checks["template, user, assistant"]["detail"]
    assert {one["method"]: one["batch_size"] for one in found["fits"]} == {"qlora": 16, "lora": 16, "full": 16}


def test_a_short_training_is_forecast_in_minutes(tiny_model: Path) -> None:
    said = CliRunner().invoke(app, ["model", "check", str(tiny_model)], catch_exceptions=False).output
    assert " 1 min" in said
    assert "0.0 h" not in said


def test_a_smaller_card_holds_fewer_rows_or_none(tmp_path: Path) -> None:
    """Qwen2.5-7B from its configuration alone."""
    from transformers import Qwen2Config

    Qwen2Config(
        hidden_size=3584,
        intermediate_size=18944,
        num_hidden_layers=28,
        num_attention_heads=28,
        num_key_value_heads=4,
        vocab_size=152064,
        tie_word_embeddings=False,
        architectures=["Qwen2ForCausalLM"],
    ).save_pretrained(tmp_path)
    small, large = (
        {one["method"]: one for one in check(str(tmp_path), "--card", card)["fits"]} for card in ("24GB", "80")
    )
    assert check(str(tmp_path))["model"]["parameters"] == 7_615_616_512, "as its model card says: 7.61 billion"
    assert small["lora"]["batch_size"] < large["lora"]["batch_size"]
    assert small["qlora"]["peak"] < 24 * 2**30
    assert small["full"]["batch_size"] is large["full"]["batch_size"] is None, "its moments alone take 61 GB"
    assert large["lora"]["hours"] < small["lora"]["hours"]


def test_a_model_without_a_template_cannot_be_trained(tiny_model: Path, tmp_path: Path) -> None:
    bare = shutil.copytree(tiny_model, tmp_path / "bare")
    (bare / "chat_template.jinja").unlink()
    checks = check(str(bare), status=1)["checks"]
    assert not any(one["ok"] for one in checks)
    assert "no chat template" in checks[-1]["detail"]


def test_a_card_has_a_size(tiny_model: Path) -> None:
    with pytest.raises(UsageError, match="not the memory of a card"):
        check(str(tiny_model), "--card", "big")
