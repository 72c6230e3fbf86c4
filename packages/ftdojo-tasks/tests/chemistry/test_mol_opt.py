"""Molecule optimization: properties by their published formulas; any improvement counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from ftdojo.errors import InputError, PrerequisiteError
from ftdojo.tasks import registry
from ftdojo.tasks.check import check
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks.chemistry import properties
from scoring_fixtures import CpuSeconds

TASK = registry.get("chemistry/mol_opt")


def item(subtask: str, source: str, **meta: Any) -> dict[str, Any]:
    query = f"Improve it.\nSource Molecule: {source}."
    return {"id": "o", "query": query, "gt": "", "subtask": subtask, "meta": json.dumps(meta)}


def answer(smiles: str) -> str:
    return json.dumps({"Final Target Molecule": smiles})


def score(one: dict[str, Any], output: str) -> ItemScore:
    (verdict,) = TASK.scorer.score([one], [output])
    return verdict


@pytest.mark.parametrize(
    ("subtask", "source", "better"),
    [("logp", "CCO", "CCCCCC"), ("qed", "CCCCCC", "CCCCO"), ("solubility", "CCCCCC", "CCCCO")],
)
def test_an_improvement_by_any_amount_is_right(subtask: str, source: str, better: str) -> None:
    assert score(item(subtask, source), answer(better)).score == 1.0
    assert score(item(subtask, better), answer(source)).score == 0.0
    assert score(item(subtask, source), answer(source)).score == 0.0  # strictly higher


def test_of_a_salt_only_the_first_piece_is_the_source() -> None:
    verdict = score(item("logp", "CCO.CCCCCCCCCCCC"), answer("CCCCC"))
    expected = properties.penalized_logp(Chem.MolFromSmiles("CCCCC")) - properties.penalized_logp(
        Chem.MolFromSmiles("CCO")
    )
    assert verdict.metrics["improvement"] == pytest.approx(expected)


def test_penalized_log_p_takes_off_for_large_rings_in_any_writing() -> None:
    small, large = (properties.penalized_logp(Chem.MolFromSmiles(s)) for s in ("C1CCCCC1", "C1CCCCCCC1"))
    assert large < small - 2 / 0.2860212110245455 + 3
    decalin = Chem.MolFromSmiles("C1CCC2CCCCC2C1")
    values = {properties.penalized_logp(Chem.MolFromSmiles(Chem.MolToSmiles(decalin, doRandom=True))) for _ in range(9)}
    assert max(values) - min(values) < 1e-9


def test_solubility_follows_the_published_coefficients() -> None:
    mol = Chem.MolFromSmiles("c1ccccc1")
    logp, weight, rotors, aromatic = 1.6866, 78.114, 0, 1.0
    by_hand = 0.26121066137801696 - 0.7416739523408995 * logp - 0.0066138847738667125 * weight
    by_hand += 0.003451545565957996 * rotors - 0.42624840441316975 * aromatic
    assert properties.solubility(mol) == pytest.approx(by_hand, abs=1e-4)


def test_metrics() -> None:
    items = [item("logp", "CCO"), item("logp", "CCO"), item("qed", "CCCCCC")]
    scores = TASK.scorer.score(items, [answer("CCCCCCCCCC"), answer("C(("), answer("CCCCO")])
    assert TASK.scorer.value(scores) == 75.0
    metrics = TASK.scorer.metrics(scores)
    assert metrics["valid_smiles_rate"] == 75.0
    assert metrics["scaffold_hard"] == 75.0
    assert metrics["best_rate"] == 25.0
    assert metrics["logp.mean_improvement"] > 0
    assert "drd.mean_improvement" not in metrics


@pytest.mark.parametrize("subtask", ["drd", "gsk", "jnk"])
def test_a_target_without_its_classifier_is_an_error_with_the_fix(
    subtask: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FTDOJO_ORACLES", raising=False)
    with pytest.raises(PrerequisiteError) as caught:
        score(item(subtask, "CCO"), answer("CCO"))
    assert "FTDOJO_ORACLES" in caught.value.fix
    assert "https://dataverse.harvard.edu" in caught.value.fix


def test_an_item_of_another_task_is_refused() -> None:
    with pytest.raises(InputError, match="its subtask is 'speed'"):
        score({**item("qed", "CCO"), "subtask": "speed"}, "x")


def test_an_item_without_a_source_is_wrong() -> None:
    assert score({**item("qed", "CCO"), "query": "?"}, "x").error == "bad_gold"


def test_hostile_outputs_are_scored(hostile: str, cpu_seconds: CpuSeconds) -> None:
    one = item("qed", "CCO")
    assert cpu_seconds(lambda: score(one, hostile)) < 2
    assert score(one, hostile).score in (0.0, 1.0)


@given(st.text())
def test_any_text_is_scored(text: str) -> None:
    assert score(item("qed", "CCO"), text).score in (0.0, 1.0)


def test_the_twin_proves_itself(twins: Callable[[str], Path]) -> None:
    report = check(TASK.variant("twin")[1], twins("chemistry/mol_opt"))
    assert report.ok, report.findings
    assert report.items == {"validation": 100, "test": 100}
