"""Rows to tokens and labels."""

from __future__ import annotations

from pathlib import Path

from ftdojo.contract.row import parse_row
from ftdojo.models import Chat
from ftdojo.training import tokenize
from ftdojo.training.sft.tokens import IGNORED


def test_only_the_completion_is_learned(tiny_model: Path) -> None:
    chat = Chat(tiny_model)
    row = parse_row({"prompt": "Count.", "completion": "one two"})
    (example,) = tokenize([row], tiny_model, max_length=64).examples
    learned = [label for label in example.labels if label != IGNORED]
    assert chat.decode(learned[:-1]) == "one two"
    assert learned[-1] in chat.stops
    assert example.label_tokens == len(learned)
    given = example.labels.index(learned[0])
    assert example.input_ids[:given] == chat.prompt(row.prompt)


def test_what_is_cut_is_counted(tiny_model: Path) -> None:
    rows = [parse_row({"prompt": "p", "completion": "word " * n}) for n in (1, 10, 200)]
    rows.append(parse_row({"prompt": "p " * 200, "completion": "c"}))
    tokenized = tokenize(rows, tiny_model, max_length=64)
    counted = tokenized.statistics
    assert (counted.rows, counted.truncated, counted.unlabelled, counted.row_max) == (4, 2, 1, 64)
    assert len(tokenized.examples) == 3
    assert max(len(e.input_ids) for e in tokenized.examples) == 64
    assert counted.tokens >= sum(len(e.input_ids) for e in tokenized.examples)
