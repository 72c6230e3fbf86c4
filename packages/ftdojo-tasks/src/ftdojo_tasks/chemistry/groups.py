"""Functional groups as ChemCoTBench counts them: by the matches of a SMARTS pattern.

The counts have corners that answers are judged by: a carboxyl group is a hydroxyl group, too; formaldehyde is no
aldehyde; a benzene ring shares no atom with another ring, so naphthalene has none; and of sulfides, which are sulfur
atoms with two neighbours, one is taken off for every disulfide bond, so ``CSSC`` has one.
"""

from __future__ import annotations

from functools import cache
from typing import Any

SMARTS = {
    "benzene": "[cR1]1[cR1][cR1][cR1][cR1][cR1]1",
    "benzene_ring": "[cR1]1[cR1][cR1][cR1][cR1][cR1]1",
    "hydroxyl": "[OX2H]",
    "aldehyde": "[CX3H1](=O)[#6]",
    "ketone": "[#6][CX3](=O)[#6]",
    "carboxyl": "[CX3](=O)[OX2H1]",
    "ester": "[#6][CX3](=O)[OX2H0][#6]",
    "anhydride": "[CX3](=[OX1])[OX2][CX3](=[OX1])",
    "amine": "[NX3;H2,H1;!$(NC=O)]",
    "amide": "[NX3][CX3](=[OX1])[#6]",
    "nitro": "[$([NX3](=O)=O),$([NX3+](=O)[O-])][!#8]",
    "halo": "[F,Cl,Br,I]",
    "thiol": "[#16X2H]",
    "thioether": "[SX2][CX4]",
    "disulfide": "[#16X2H0][#16X2H0]",
    "sulfoxide": "[$([#16X3]=[OX1]),$([#16X3+][OX1-])]",
    "sulfone": "[$([#16X4](=[OX1])=[OX1]),$([#16X4+2]([OX1-])[OX1-])]",
    "sulfide": "[#16X2H0]",
    "nitrile": "[NX1]#[CX2]",
    "borane": "[BX3]",
}
"""Functional group -> SMARTS."""


def count(mol: Any, group: str) -> int:
    """How often a group of :data:`SMARTS` occurs in an RDKit molecule."""
    found = len(mol.GetSubstructMatches(_pattern(group)))
    if group == "sulfide":
        found -= len(mol.GetSubstructMatches(_pattern("disulfide")))
    return found


@cache
def _pattern(group: str) -> Any:
    from rdkit import Chem

    return Chem.MolFromSmarts(SMARTS[group])
