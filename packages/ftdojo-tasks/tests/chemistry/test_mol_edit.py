"""Molecule editing: only the counts of the named groups decide, as in the reference."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from ftdojo.errors import InputError
from ftdojo.tasks import raw_files, registry
from ftdojo.tasks.check import check
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks.chemistry import groups
from ftdojo_tasks.chemistry.mol_edit import KEYS
from ftdojo_tasks.chemistry.mol_edit_twin import STARTS
from ftdojo_tasks.chemistry.reading import find_smiles
from scoring_fixtures import CpuSeconds

TASK = registry.get("chemistry/mol_edit")


def item(subtask: str, source: str, reference: str = "", **groups: str) -> dict[str, Any]:
    query = f"Edit it.\nInput Molecule: {source}, Functional Group to do something with: x."
    meta = {"molecule": source, "reference": reference, **groups}
    return {"id": "e", "query": query, "gt": "", "subtask": subtask, "meta": json.dumps(meta)}


BENZENE = item("add", "c1ccccc1", "Oc1ccccc1", added_group="hydroxyl")
PHENOL = item("delete", "Oc1ccccc1", "c1ccccc1", removed_group="hydroxyl")
ANILINE = item("sub", "Nc1ccccc1", "Oc1ccccc1", removed_group="amine", added_group="hydroxyl")


def score(one: dict[str, Any], output: str) -> ItemScore:
    (verdict,) = TASK.scorer.score([one], [output])
    return verdict


@pytest.mark.parametrize(
    ("one", "output", "right"),
    [
        (BENZENE, '{"output": "Oc1ccccc1"}', True),
        (BENZENE, '{"answer": "Oc1ccccc1"}', True),
        (BENZENE, '{"output": "c1ccccc1"}', False),
        (BENZENE, '{"output": "Oc1ccccc1O"}', False),
        (BENZENE, '{"output": "CCO"}', True),  # the rest of the molecule may change
        (BENZENE, '{"output": "CC(=O)O"}', True),  # a carboxyl group is a hydroxyl group, too
        (BENZENE, "It becomes Oc1ccccc1 now", True),
        (PHENOL, '{"output": "c1ccccc1"}', True),
        (PHENOL, '{"output": "Oc1ccccc1"}', False),
        (ANILINE, '{"output": "Oc1ccccc1"}', True),
        (ANILINE, '{"output": "Nc1ccccc1O"}', False),
        (ANILINE, '{"output": "c1ccccc1"}', False),
    ],
)
def test_an_answer_is_right_by_the_counts_of_its_groups(one: dict[str, Any], output: str, right: bool) -> None:
    assert score(one, output).score == float(right)


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ("The modified molecule is CC(=O)O.", "modified"),
        ('{"output": "CCO"}', "CCO"),
        ('so "output": "CCO" then', "CCO"),
        ("CC", "CC"),
    ],
)
def test_where_a_molecule_is_found(output: str, found: str) -> None:
    assert find_smiles(output, KEYS).text == found


@pytest.mark.parametrize(
    ("output", "error"),
    [("", "empty"), ("no idea at all", "format"), ('{"output": "c1cccc"}', "invalid"), ('{"output": "CC"}', "wrong")],
)
def test_classes_of_wrong_answers(output: str, error: str) -> None:
    assert score(BENZENE, output).error == error


def test_metrics_are_means_over_subtasks() -> None:
    items = [BENZENE, BENZENE, PHENOL]
    scores = TASK.scorer.score(items, ['{"output": "Oc1ccccc1"}', '{"output": "c1c"}', '{"output": "c1ccccc1"}'])
    assert TASK.scorer.value(scores) == 75.0
    metrics = TASK.scorer.metrics(scores)
    assert metrics["valid_rate"] == 75.0
    assert metrics["tanimoto_similarity"] == 75.0
    assert metrics["one_piece_rate"] == 75.0


def test_a_molecule_beside_the_source_is_right_but_not_in_one_piece() -> None:
    verdict = score(BENZENE, '{"output": "c1ccccc1.CO"}')
    assert (verdict.score, verdict.metrics["one_piece_rate"]) == (1.0, 0.0)


def test_an_item_of_another_task_is_refused() -> None:
    with pytest.raises(InputError, match="its subtask is 'swap'"):
        score({**BENZENE, "subtask": "swap"}, "x")


@pytest.mark.parametrize("change", [{"query": "nothing"}, {"meta": '{"added_group": "gold"}'}, {"meta": "not JSON"}])
def test_an_item_that_cannot_be_read_is_wrong(change: dict[str, str]) -> None:
    assert score({**BENZENE, **change}, "x").error == "bad_gold"


@pytest.mark.parametrize("split", ["raw", "validation", "test"])
def test_no_count_of_a_group_is_frequent_in_sources(twins: Callable[[str], Path], split: str) -> None:
    folder = twins("chemistry/mol_edit")
    files = (folder / "raw").rglob("*.json") if split == "raw" else [folder / f"{split}.jsonl"]
    seen = Counter[tuple[str, int]]()
    for row in (row for path in files for row in raw_files.read(path)):
        facts = json.loads(row["meta"])
        source = Chem.MolFromSmiles(facts["molecule"])
        for field in ("added_group", "removed_group"):
            if group := facts.get(field):
                seen[field, groups.count(source, group)] += 1
    for field, counts in STARTS.items():
        found = [seen[field, count] for count in counts]
        assert sum(n for (name, _), n in seen.items() if name == field) == sum(found)
        assert max(found) <= 0.4 * sum(found)
        assert min(found) > 0.1 * sum(found)


def test_hostile_outputs_are_scored(hostile: str, cpu_seconds: CpuSeconds) -> None:
    assert cpu_seconds(lambda: score(BENZENE, hostile)) < 2
    assert score(BENZENE, hostile).score in (0.0, 1.0)


@given(st.text())
def test_any_text_is_scored(text: str) -> None:
    assert score(BENZENE, text).score in (0.0, 1.0)


def test_the_twin_proves_itself(twins: Callable[[str], Path]) -> None:
    report = check(TASK.variant("twin")[1], twins("chemistry/mol_edit"))
    assert report.ok, report.findings
    assert report.items == {"validation": 100, "test": 100}
