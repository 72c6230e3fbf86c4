"""Functional groups are counted by the reference's patterns, corners included."""

from __future__ import annotations

import pytest
from rdkit import Chem

from ftdojo_tasks.chemistry import groups


@pytest.mark.parametrize(
    ("smiles", "group", "expected"),
    [
        ("c1ccc2ccccc2c1", "benzene_ring", 0),
        ("c1ccc(-c2ccccc2)cc1", "benzene_ring", 2),
        ("CSSC", "sulfide", 1),
        ("CSSC", "disulfide", 1),
        ("CSC", "sulfide", 1),
        ("C=O", "aldehyde", 0),
        ("CC=O", "aldehyde", 1),
        ("CC(=O)O", "hydroxyl", 1),
        ("CC(=O)O", "carboxyl", 1),
        ("CC(=O)N", "amine", 0),
        ("CCN", "amine", 1),
        ("C[N+](=O)[O-]", "nitro", 1),
        ("FC(Cl)Br", "halo", 3),
    ],
)
def test_counts(smiles: str, group: str, expected: int) -> None:
    assert groups.count(Chem.MolFromSmiles(smiles), group) == expected
