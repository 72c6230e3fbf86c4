"""The comparison of two versions of the libraries, without a run: what is told of two sides."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(FOLDER)
    yield importlib.import_module("versions")
    del sys.modules["versions"]


def played(versions: Any, *, weights: Path, **changes: Any) -> Any:
    tried = {"decision": "accepted", "score": "80.0", "rows": "abc", "weights": {"w": weights}, "answers": ["a", "b"]}
    base = versions.Made(decision="measured", answers=["a", "b"])
    made = [base, versions.Made(**{**tried, **changes}), versions.Made(decision="refused (bad_targets)")]
    return versions.Side(versions={"torch": "2"}, made=made, best=1, outcome="scored", test={"base": "1", "best": "2"})


def write(path: Path, value: float) -> Path:
    save_file({"a": torch.tensor([3.0, value])}, path)
    return path


def test_equal_sides(versions: Any, tmp_path: Path) -> None:
    sides = [played(versions, weights=write(tmp_path / name, 4.0)) for name in ("one", "two")]
    found = list(versions.facts(*sides))
    assert all(fact.same for fact in found)
    assert versions.conclude(found) == "same decisions"


def test_numbers_are_no_decisions(versions: Any, tmp_path: Path) -> None:
    one = played(versions, weights=write(tmp_path / "one", 4.0))
    two = played(versions, weights=write(tmp_path / "two", 4.5), score="79.0", answers=["a", "c"])
    found = list(versions.facts(one, two))
    different = {fact.name: str(fact) for fact in found if not fact.same}
    assert different.keys() == {"1, score", "1, w", "1, answers"}
    assert different["1, w"].endswith("| differs: by 1.0e-01 of their norm |")
    assert different["1, answers"].endswith("| differs: 1 of 2 are the same |")
    assert versions.conclude(found) == "same decisions"


def test_another_decision_is_told(versions: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "one", 4.0)
    found = list(versions.facts(played(versions, weights=file), played(versions, weights=file, decision="rejected")))
    assert versions.conclude(found) == "the decisions differ: 1, decision (accepted, rejected)"
