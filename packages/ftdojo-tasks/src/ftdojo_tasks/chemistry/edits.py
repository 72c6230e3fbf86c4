"""Small edits of molecules for generated data: cut a group off a carbon atom, put another one on.

The SMILES of the result is written in the order of the source, so that source and result differ only in the edit.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from rdkit import Chem

from ftdojo_tasks.chemistry.molecules import Molecule

FRAGMENTS = {
    "hydroxyl": ("O",),
    "amine": ("N",),
    "halo": ("F", "Cl", "Br"),
    "nitro": ("[N+](=O)[O-]",),
    "nitrile": ("C#N",),
    "carboxyl": ("C(=O)O",),
    "aldehyde": ("C=O",),
    "thiol": ("S",),
    "amide": ("C(N)=O",),
    "benzene_ring": ("c1ccccc1",),
    "methyl": ("C",),
}
"""Group -> what is put on: SMILES whose first atom is bound."""
TERMINAL = {
    "hydroxyl": "[#6;!$(C=O)][OX2H]",
    "amine": "[#6;!$(C=O)][NX3H2]",
    "halo": "[#6][F,Cl,Br,I]",
    "nitro": "[#6][N+](=O)[O-]",
    "nitrile": "[#6][CX2]#[NX1]",
    "carboxyl": "[#6][CX3](=O)[OX2H1]",
    "aldehyde": "[#6][CX3H1]=O",
    "thiol": "[#6][SX2H]",
    "amide": "[#6][CX3](=O)[NX3H2]",
    "benzene_ring": "[#6]!@c1[cH][cH][cH][cH][cH]1",
    "methyl": "[#6][CH3]",
}
"""Group -> SMARTS of the group at the end of a branch; the first atom is the carbon atom that bears it."""
PATTERNS = {group: Chem.MolFromSmarts(smarts) for group, smarts in TERMINAL.items()}


@dataclass(frozen=True, slots=True)
class Place:
    """The place of an edit, by the numbers of atoms."""

    anchor: int
    """The carbon atom that bears the group."""
    group: tuple[int, ...] = ()
    """The atoms of the group that is cut off, if any."""


@dataclass(frozen=True, slots=True)
class Result:
    """A molecule after an edit."""

    smiles: str
    """In the order of the source."""
    mol: Any


def places(mol: Any, group: str) -> list[Place]:
    """Where a group is borne."""
    return [Place(match[0], match[1:]) for match in mol.GetSubstructMatches(PATTERNS[group])]


def free(mol: Any) -> list[Place]:
    """The carbon atoms that have a hydrogen atom to give, in the order in which they are written."""
    return [Place(a.GetIdx()) for a in mol.GetAtoms() if a.GetAtomicNum() == 6 and a.GetTotalNumHs()]


def edited(mol: Any, place: Place, fragment: str = "") -> Result | None:
    """The molecule after an edit, or ``None`` if there is none in one piece.

    Args:
        mol: RDKit's molecule, whose atoms are numbered in the order in which they are written.
        place: the place of the edit; the atoms of its group are cut off.
        fragment: SMILES of the group put there instead, if any.
    """
    whole = Chem.RWMol(mol)
    added: list[int] = []
    if fragment:
        first = whole.GetNumAtoms()
        whole.InsertMol(_fragment(fragment))
        whole.AddBond(place.anchor, first, Chem.BondType.SINGLE)
        added = list(range(first, whole.GetNumAtoms()))
    # Next to the carbon atom, or in place of the group; before a first atom, so that the text is prefixed.
    before = min(place.group, default=place.anchor + 1 if place.anchor else 0)
    old = range(mol.GetNumAtoms())
    ordered = Chem.RWMol(
        Chem.RenumberAtoms(whole, [i for i in old if i < before] + added + [i for i in old if i >= before])
    )
    for index in sorted(place.group, reverse=True):
        ordered.RemoveAtom(index + len(added))
    if Chem.SanitizeMol(ordered, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
        return None
    smiles = str(Chem.MolToSmiles(ordered, canonical=False))
    result = None if "." in smiles else Chem.MolFromSmiles(smiles)
    return result and Result(smiles, result)


@cache
def _fragment(smiles: str) -> Any:
    return Chem.MolFromSmiles(smiles)


def additions(molecule: Molecule, groups: Collection[str], rng: random.Random) -> Iterator[tuple[str, Result]]:
    """Group put on and result, at the first free carbon atom, in random order of groups."""
    for place in free(molecule.mol)[:1]:
        for group in rng.sample(sorted(groups), len(groups)):
            result = edited(molecule.mol, place, rng.choice(FRAGMENTS[group]))
            if result:
                yield group, result


def deletions(molecule: Molecule, groups: Collection[str], rng: random.Random) -> Iterator[tuple[str, Result]]:
    """Group cut off and result, in random order."""
    for group in rng.sample(sorted(groups), len(groups)):
        for place in places(molecule.mol, group):
            result = edited(molecule.mol, place)
            if result:
                yield group, result


def substitutions(
    molecule: Molecule, removed: Collection[str], added: Collection[str], rng: random.Random
) -> Iterator[tuple[str, str, Result]]:
    """Group cut off, group put on instead and result, in random order."""
    for old in rng.sample(sorted(removed), len(removed)):
        for place in places(molecule.mol, old):
            for new in rng.sample(sorted(set(added) - {old}), len(set(added) - {old})):
                result = edited(molecule.mol, place, rng.choice(FRAGMENTS[new]))
                if result:
                    yield old, new, result


def enriched(
    molecule: Molecule,
    fragments: Sequence[str],
    count: Callable[[Any], int],
    wanted: int,
    longest: int,
    rng: random.Random,
) -> Molecule | None:
    """The molecule with groups put on at random carbon atoms until it has as many as wanted; its scaffold stays.

    Args:
        molecule: returned as it is if it has the wanted number already.
        fragments: SMILES of the group, whose first atom is bound; without any, nothing is put on.
        count: the number of groups of an RDKit molecule.
        wanted: the number of groups that the result has.
        longest: characters that the result's SMILES may have.
        rng: chooses atoms and fragments.

    Returns:
        ``None`` if the molecule has more groups, or if a group that was tried does not fit.
    """
    mol, missing = molecule.mol, wanted - count(molecule.mol)
    if not missing:
        return molecule
    if missing < 0 or not fragments or len(molecule.smiles) + missing * min(map(len, fragments)) > longest:
        return None
    for _ in range(missing):
        places = free(mol)
        result = edited(mol, rng.choice(places), rng.choice(fragments)) if places else None
        if result is None or count(result.mol) != count(mol) + 1:
            return None
        mol = result.mol
    larger = Molecule.of(mol)
    return larger if len(larger.smiles) <= longest and larger.scaffold == molecule.scaffold else None
