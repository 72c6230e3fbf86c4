"""The classifiers of the three targets are used only if they are the published files."""

from __future__ import annotations

from pathlib import Path

import pytest
from rdkit import Chem

from ftdojo.errors import PrerequisiteError
from ftdojo_tasks.chemistry.targets import TARGETS, activity


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> None:
    activity.cache_clear()


@pytest.mark.parametrize("name", TARGETS)
def test_a_missing_file_is_told_with_its_address(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FTDOJO_ORACLES", str(tmp_path))
    with pytest.raises(PrerequisiteError, match=f"{TARGETS[name].file} is not at") as caught:
        activity(name)
    assert TARGETS[name].url in caught.value.fix
    assert "hub-computable" in caught.value.fix


def test_another_file_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FTDOJO_ORACLES", str(tmp_path))
    (tmp_path / TARGETS["gsk"].file).write_bytes(b"not the published file")
    with pytest.raises(PrerequisiteError, match="is not the classifier that TDC publishes"):
        activity("gsk")


@pytest.mark.parametrize("name", TARGETS)
def test_fingerprints_have_the_length_that_the_classifiers_take(name: str) -> None:
    vector = TARGETS[name].fingerprint(Chem.MolFromSmiles("C=1C(=CC=C(C1)OCCN2CCCC2)NC3=NC=C(S3)C4=CC=CC=C4"))
    assert vector.shape == (2048,)
    assert vector.sum() > 20
