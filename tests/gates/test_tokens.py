"""Gate 3: what a template does to rows is told, and gate 5 takes an answer for the same with or without reasoning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import chat_families as families
from ftdojo.contract.row import parse_row
from ftdojo.contract.train_config import TrainConfig
from ftdojo.data import prepare
from ftdojo.errors import InputError
from ftdojo.gates.content import Rows
from ftdojo.gates.micro import _matches
from ftdojo.gates.reference import Reference
from ftdojo.gates.tokens import Tokens, adapted_turns
from ftdojo.inference import Generation
from ftdojo.models import set_prompting
from ftdojo.record import Home
from ftdojo.tasks.folder import load_folder
from ftdojo.training import Tokenized
from ftdojo.training.sft import Sft

USER = {"role": "user", "content": "Ann asks for a desk."}
ANSWER = {"role": "assistant", "content": "yes"}
SYSTEM = {"messages": [{"role": "system", "content": "Be brief."}, USER, ANSWER]}
REASONED = {"messages": [USER, {**ANSWER, "reasoning_content": "It is not Bob."}]}


def told(row: dict[str, Any], base: Path, approve: Path, home: Path) -> list[str]:
    task = load_folder(approve)
    reference = Reference.from_file(task, prepare(task, "folder", Home(home)).validation)
    config = TrainConfig()
    rows = Rows([parse_row(row)], reference)
    tokenized: Tokenized[Any] = Sft().tokenize(rows.rows, base, max_length=64)
    return [finding.code for finding in adapted_turns(Tokens(rows, tokenized, Sft(), config, base))]


def test_changes_of_rows_are_told(approve: Path, tiny_model: Path, tmp_path: Path) -> None:
    no_system = families.with_template(tiny_model, tmp_path / "no_system", families.NO_SYSTEM)
    switch = families.with_template(tiny_model, tmp_path / "switch", families.SWITCH)
    off, _ = set_prompting(switch, tmp_path, thinking="off")
    on, _ = set_prompting(switch, tmp_path, thinking="on")
    assert told(SYSTEM, no_system, approve, tmp_path) == ["system_merged"]
    assert told(SYSTEM, tiny_model, approve, tmp_path) == []
    assert told(REASONED, off, approve, tmp_path) == ["reasoning_dropped"]
    assert told(REASONED, on, approve, tmp_path) == []


def test_a_row_that_cannot_be_rendered_is_a_finding_with_the_reason(tiny_model: Path, tmp_path: Path) -> None:
    model = families.with_template(tiny_model, tmp_path / "model", families.NO_SYSTEM)
    with pytest.raises(InputError) as caught:
        Sft().tokenize([parse_row({"messages": [USER, USER, ANSWER]})], model, max_length=64)
    (finding,) = caught.value.findings
    assert finding.code == "bad_template"
    assert "row 1" in finding.message
    assert "turns must alternate" in finding.message


@pytest.mark.parametrize(
    ("output", "truncated", "same"),
    [
        ("<think>\n\n</think>\n\nyes", False, True),
        ("yes", False, True),
        ("<think>\n\n</think>\n\nno", False, False),
        ("ye", True, True),
        ("no", True, False),
    ],
)
def test_an_empty_block_of_reasoning_does_not_make_an_answer_another_one(
    output: str, truncated: bool, same: bool
) -> None:
    assert _matches(Generation(output, 3, truncated), "yes") is same
