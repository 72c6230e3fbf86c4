"""How active a molecule is against DRD2, GSK3-beta and JNK3: the classifiers of Therapeutics Data Commons (TDC).

They are a download of 40 MB that has to be made once, to a folder that ``$FTDOJO_ORACLES`` names. Each file is known by
its SHA-256 and read without running what is in it (see :mod:`ftdojo_tasks.chemistry.classifiers`).

A classifier is used only if it gives the values that PyTDC 1.1.15 with scikit-learn 1.2.2 gives for known molecules.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ftdojo.errors import PrerequisiteError
from ftdojo_tasks.chemistry.classifiers import Vector, read
from ftdojo_tasks.chemistry.smiles import molecule

FOLDER = "FTDOJO_ORACLES"
BITS = 2048
TOLERANCE = 1e-6


def morgan(mol: Any) -> Vector:
    """Bits of the Morgan fingerprint of radius 2, shape ``(2048,)``."""
    from rdkit.Chem import rdFingerprintGenerator

    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=BITS)
    return np.asarray(generator.GetFingerprintAsNumPy(mol), dtype=np.float64)


def feature_counts(mol: Any) -> Vector:
    """Counts of the Morgan fingerprint of radius 3 over pharmacophoric features, folded, shape ``(2048,)``."""
    from rdkit.Chem import rdFingerprintGenerator

    features = rdFingerprintGenerator.GetMorganFeatureAtomInvGen()
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=3, atomInvariantsGenerator=features)
    counts = np.zeros(BITS)
    for bit, times in generator.GetSparseCountFingerprint(mol).GetNonzeroElements().items():
        counts[bit % BITS] += times
    return counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A protein, and the classifier for activity against it."""

    file: str
    dataverse_id: int
    sha256: str
    fingerprint: Callable[[Any], Vector]
    known: Mapping[str, float]
    """SMILES -> probability of activity."""

    @property
    def url(self) -> str:
        """Where the file is published."""
        return f"https://dataverse.harvard.edu/api/access/datafile/{self.dataverse_id}"


TARGETS = {
    "drd": Target(
        file="drd2_current.pkl",
        dataverse_id=6413411,
        sha256="ef1f00e47d5e4670a45b0a4178db3c41b2e1aa9dad7113ac9d0f58e3f9d67532",
        fingerprint=feature_counts,
        known={
            "C=1C(=CC=C(C1)OCCN2CCCC2)NC3=NC=C(S3)C4=CC=CC=C4": 0.7537053303355454,
            "CC(C)Cc1ccc2c(c1)[C@@H](Cl)CC2": 0.16003438414126,
            "C=1(C=CSC1C(OCC)=O)NC(CC2=CC=CC=C2)=O": 3.0298196625955345e-05,
        },
    ),
    "gsk": Target(
        file="gsk3b_current.pkl",
        dataverse_id=6413412,
        sha256="d3a20701b80e5179c88c3ad4dc3483dd7ab35c50dc055c6773a7f5b63e89b6d5",
        fingerprint=morgan,
        known={
            "ClC1=NC(=NC(C=2C3=C(NC2)N=CC=C3)=C1)NC4C(N)CCCC4": 1.0,
            "C=1(C(=C(C=C(C1Br)Br)/C=C/C(=O)O)Br)Br": 0.58,
            "C#CCN(Cc1ccccc1Cl)C1CCCC1": 0.0,
        },
    ),
    "jnk": Target(
        file="jnk3_current.pkl",
        dataverse_id=6413420,
        sha256="cde8576fb4fa3f60b9f258ff9cf1b9ff346eb50d196d5cbbe25965efc1864889",
        fingerprint=morgan,
        known={
            "C1=C(Cl)C(=NC(N[C@@H]2CCCN(C2)C(=O)NCC)=N1)C=3C4=C(C=CC=C4)NC3": 1.0,
            "C=1C=C(S(/C=C/C#N)(=O)=O)C=CC1C": 0.59,
            "C#CCN(Cc1ccccc1Cl)C1CCCC1": 0.0,
        },
    ),
}
"""Sub-task -> target."""


@cache
def activity(subtask: str) -> Callable[[Any], float]:
    """The probability, 0 to 1, that a molecule is active against the target of a sub-task.

    Raises:
        PrerequisiteError: if the classifier is not there, is another one, or does not give the known values.
    """
    target = TARGETS[subtask]
    classifier = read(_bytes(target))

    def probability(mol: Any) -> float:
        return classifier.probability(target.fingerprint(mol))

    for smiles, expected in target.known.items():
        given = probability(molecule(smiles))
        if abs(given - expected) > TOLERANCE:
            message = f"{target.file} gives {given:g} for {smiles}, known is {expected:g}"
            raise PrerequisiteError(message, fix="report it; these properties cannot be scored with these versions")
    return probability


def _bytes(target: Target) -> bytes:
    folder = os.environ.get(FOLDER)
    path = Path(folder) / target.file if folder else None
    if path is None or not path.is_file():
        where = f"is not at {path}" if path else f"is not known: ${FOLDER} is not set"
        fix = (
            f"download {target.url} to {target.file} in a folder, and name the folder in {FOLDER}; "
            f"or use the data variant hub-computable, which leaves {', '.join(TARGETS)} out"
        )
        raise PrerequisiteError(f"the classifier {target.file} {where}", fix=fix)
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != target.sha256:
        raise PrerequisiteError(f"{path} is not the classifier that TDC publishes", fix=f"download {target.url} again")
    return data
