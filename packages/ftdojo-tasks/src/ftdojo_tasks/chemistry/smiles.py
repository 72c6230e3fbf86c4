"""SMILES to RDKit molecules, and how alike two molecules are. RDKit is imported when a function is called."""

from __future__ import annotations

from typing import Any

MAX_SMILES = 500


def quiet() -> Any:
    """A context in which RDKit does not write to the standard error; answers are hostile, and it would report each."""
    from rdkit import rdBase

    return rdBase.BlockLogs()


def molecule(smiles: str) -> Any:
    """The molecule of a SMILES, or ``None``. RDKit is given only what can be one: short, printable ASCII, not empty."""
    from rdkit import Chem

    smiles = next(iter(smiles.split()), "")  # what follows is the molecule's name, for RDKit, too
    if not smiles or len(smiles) > MAX_SMILES or not (smiles.isascii() and smiles.isprintable()):
        return None
    with quiet():
        mol = Chem.MolFromSmiles(smiles)
    return mol if mol is not None and mol.GetNumAtoms() else None


def tanimoto(a: Any, b: Any, *, bits: int) -> float:
    """Tanimoto similarity, 0 to 1, of Morgan fingerprints of radius 2, folded to ``bits``."""
    from rdkit import DataStructs
    from rdkit.Chem import rdFingerprintGenerator

    morgan = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=bits)
    return float(DataStructs.TanimotoSimilarity(morgan.GetFingerprint(a), morgan.GetFingerprint(b)))


def scaffold(mol: Any) -> str:
    """The canonical SMILES of a molecule's Murcko scaffold; empty without rings."""
    from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles

    return str(MurckoScaffoldSmiles(mol=mol))
