"""What a base model can do here, found out from its files."""

from __future__ import annotations

from pathlib import Path

import pytest

import chat_families as families
import model_zoo as zoo
from ftdojo.models import describe, rendering
from ftdojo.models.suitability import check_files, describe_configuration


def test_a_template_that_never_ends_is_a_finding(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "DEADLINE_S", 1.0)
    model = families.with_template(tiny_model, tmp_path / "model", families.ENDLESS)
    found = {one.name: one for one in check_files(model)}
    assert not found["template, user, assistant"].ok
    assert not found["thinking"].ok
    assert "takes over 1 s" in found["thinking"].detail
    assert found["stop tokens"].ok


@pytest.mark.parametrize(
    ("template", "detail"),
    [
        (families.OPENED, "prompts open a block of reasoning"),
        (families.SWITCH, "prompts do not open a block of reasoning"),
    ],
)
def test_whether_prompts_open_the_reasoning(template: str, detail: str, tiny_model: Path, tmp_path: Path) -> None:
    model = families.with_template(tiny_model, tmp_path / "model", template)
    assert {one.name: one.detail for one in check_files(model)}["thinking"] == detail


@pytest.mark.parametrize("kind", ["llama", "mamba", "gpt2"])
def test_a_configuration_alone_says_the_same_as_with_weights(kind: str, tmp_path: Path) -> None:
    whole = zoo.write(kind, tmp_path / "whole", dtype="bfloat16")
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "config.json").write_bytes((whole / "config.json").read_bytes())
    assert describe_configuration(alone) == describe(whole)
