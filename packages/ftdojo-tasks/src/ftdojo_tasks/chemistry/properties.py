"""The properties that molecules are optimized for, as pure functions of an RDKit molecule; more is better.

- ``qed``: RDKit's quantitative estimate of drug-likeness (Bickerton et al. 2012, doi 10.1038/nchem.1243), 0 to 1.
- ``logp``: penalized log P: Crippen's log P, less the synthetic accessibility score (Ertl and Schuffenhauer 2009, doi
  10.1186/1758-2946-1-8), less the number of atoms beyond six in the largest ring, each standardized with its mean and
  standard deviation over ZINC (Kusner et al. 2017, arXiv 1703.01925), as in Therapeutics Data Commons.
- ``solubility``: log of the molar solubility by ESOL (Delaney 2004, doi 10.1021/ci034243x), with the coefficients that
  ChemCoTBench uses.

The three target properties are in :mod:`ftdojo_tasks.chemistry.targets`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any


def qed(mol: Any) -> float:
    """Drug-likeness, 0 to 1."""
    from rdkit.Chem import QED

    return float(QED.qed(mol))


def penalized_logp(mol: Any) -> float:
    """Penalized log P, in sums of standard deviations.

    The size of a ring is taken from the smallest set of smallest rings. TDC takes it from a cycle basis that depends on
    the order of the atoms: for 2 per cent of drug-like molecules, writing the SMILES anew changes its value, by up to
    25, and would count as an improvement.
    """
    from rdkit.Chem import rdMolDescriptors

    largest = max((len(ring) for ring in mol.GetRingInfo().AtomRings()), default=0)
    return float(
        (rdMolDescriptors.CalcCrippenDescriptors(mol)[0] - 2.4570953396190123) / 1.434324401111988
        + (3.0525811293166134 - _accessibility().calculateScore(mol)) / 0.8335207024513095
        + (0.0485696876403053 - max(0, largest - 6)) / 0.2860212110245455
    )


def solubility(mol: Any) -> float:
    """Log of the solubility in mol/l."""
    from rdkit.Chem import Descriptors, rdMolDescriptors

    aromatic = sum(atom.GetIsAromatic() for atom in mol.GetAtoms()) / mol.GetNumAtoms()
    return float(
        0.26121066137801696
        - 0.7416739523408995 * rdMolDescriptors.CalcCrippenDescriptors(mol)[0]
        - 0.0066138847738667125 * Descriptors.MolWt(mol)  # type: ignore[attr-defined]
        + 0.003451545565957996 * rdMolDescriptors.CalcNumRotatableBonds(mol)
        - 0.42624840441316975 * aromatic
    )


COMPUTABLE: Mapping[str, Callable[[Any], float]] = {
    "logp": penalized_logp,
    "qed": qed,
    "solubility": solubility,
}
"""Sub-task -> property."""


@cache
def _accessibility() -> Any:
    """RDKit's ``sascorer``, which is shipped next to the package, not in it."""
    from rdkit import RDConfig

    path = Path(RDConfig.RDContribDir) / "SA_Score" / "sascorer.py"
    spec = importlib.util.spec_from_file_location("sascorer", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
