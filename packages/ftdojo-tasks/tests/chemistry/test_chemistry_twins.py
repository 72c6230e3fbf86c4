"""What the four generated data sets have in common: the same bytes every time, and splits without a common scaffold."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rdkit import Chem

from ftdojo.tasks.rows import read_jsonl
from ftdojo_tasks.chemistry.smiles import scaffold

NAMES = ("mol_edit", "mol_opt", "reaction")


@pytest.fixture(scope="module", params=NAMES)
def built(request: pytest.FixtureRequest, twins: Callable[[str], Path]) -> tuple[str, Path]:
    return request.param, twins(f"chemistry/{request.param}")


def first_scaffolds(rows: list[dict[str, Any]]) -> set[str]:
    """Of the first molecule in each query."""
    found = set()
    for row in rows:
        text = row["query"].splitlines()
        line = next(line for line in text if ": " in line and "{" not in line and '"' not in line)
        smiles = line.split(": ", 1)[1].split(",")[0].split(">>")[0].rstrip(".").split(".")[0]
        mol = Chem.MolFromSmiles(smiles)
        assert mol is not None, line
        found.add(scaffold(mol))
    return found


def test_splits_have_no_scaffold_in_common(built: tuple[str, Path]) -> None:
    name, folder = built
    if name == "reaction":
        pytest.skip("its queries name products, too; the twin splits the starting molecules")
    raw = [row for path in (folder / "raw").rglob("*.json") for row in json.loads(path.read_text("utf-8"))]
    train, validation, test = map(
        first_scaffolds, (raw, read_jsonl(folder / "validation.jsonl"), read_jsonl(folder / "test.jsonl"))
    )
    assert len(train) > 50
    assert not train & validation
    assert not train & test
    assert not validation & test


def test_no_question_is_asked_twice(built: tuple[str, Path]) -> None:
    name, folder = built
    queries = [row["query"] for split in ("validation", "test") for row in read_jsonl(folder / f"{split}.jsonl")]
    raw = {row["query"] for path in (folder / "raw").rglob("*.json") for row in json.loads(path.read_text("utf-8"))}
    assert len(set(queries)) == len(queries) == (360 if name == "reaction" else 200)
    assert not raw & set(queries)
