"""How active a molecule is against DRD2, GSK3-beta and JNK3: the classifiers of Therapeutics Data Commons (TDC).

They are a download of 40 MB that has to be made once, to a folder that ``$FTDOJO_ORACLES`` names. The files are
pickles of scikit-learn 0.23, which no current scikit-learn can run. So only the arrays in them are read (each file is
known by its SHA-256, and nothing but NumPy and inert stand-ins is constructed), and the two kinds of model, a random
forest and a support vector machine with Platt's probabilities, are computed here.

A classifier is used only if it gives the values that PyTDC 1.1.15 with scikit-learn 1.2.2 gives for known molecules.
"""

from __future__ import annotations

import hashlib
import math
import os
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ftdojo.errors import PrerequisiteError
from ftdojo.tasks.chemistry.smiles import molecule

FOLDER = "FTDOJO_ORACLES"
BITS = 2048
TOLERANCE = 1e-6

Vector = NDArray[np.float64]


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


class Classifier(Protocol):
    """A fitted model."""

    def probability(self, x: Vector) -> float:
        """Of activity, for a fingerprint of shape ``(2048,)``."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A decision tree: parallel lists over its nodes."""

    left: list[int]
    """Of the child for values up to the threshold; -1 in leaves."""
    right: list[int]
    feature: list[int]
    threshold: list[float]
    active: list[float]
    """Share of active training molecules in the node."""

    def probability(self, x: Vector) -> float:
        """The share in the leaf that ``x`` falls into."""
        node = 0
        while self.left[node] >= 0:
            node = self.left[node] if x[self.feature[node]] <= self.threshold[node] else self.right[node]
        return self.active[node]


@dataclass(frozen=True, slots=True)
class Forest:
    """A random forest."""

    trees: list[Tree]

    def probability(self, x: Vector) -> float:
        """The mean over the trees."""
        return math.fsum(tree.probability(x) for tree in self.trees) / len(self.trees)


@dataclass(frozen=True, slots=True)
class SupportVectorMachine:
    """A support vector machine with a Gaussian kernel; signs as in LIBSVM, where the first class is the inactive."""

    vectors: Vector
    """Shape ``(n, 2048)``."""
    squares: Vector
    """Their squared lengths, shape ``(n,)``."""
    weights: Vector
    """Shape ``(n,)``."""
    intercept: float
    gamma: float
    slope: float
    """Of Platt's sigmoid."""
    offset: float

    def probability(self, x: Vector) -> float:
        """Platt's sigmoid of the decision value, coupled as LIBSVM does."""
        used = np.flatnonzero(x)
        distances = self.squares - 2.0 * self.vectors[:, used] @ x[used] + x @ x
        value = float(self.weights @ np.exp(-self.gamma * distances)) + self.intercept
        inactive = 1.0 / (1.0 + math.exp(self.slope * value + self.offset))
        return coupled(min(max(inactive, 1e-7), 1 - 1e-7))


def coupled(first: float) -> float:
    """The probability of the second of two classes, given the pairwise estimate for the first.

    The exact answer is ``1 - first``. LIBSVM comes to within 0.0025 of it by the iteration that it has for any number
    of classes (Wu, Lin and Weng 2004, JMLR 5, algorithm 2), and TDC's values are those.
    """
    q = np.array([[(1 - first) ** 2, -first * (1 - first)], [-first * (1 - first), first**2]])
    p = np.array([0.5, 0.5])
    for _ in range(100):
        gradient = q @ p
        level = float(p @ gradient)
        if np.abs(gradient - level).max() < 0.0025:
            break
        for t in range(2):
            step = (level - gradient[t]) / q[t, t]
            p[t] += step
            level = (level + step * (step * q[t, t] + 2 * gradient[t])) / (1 + step) ** 2
            gradient = (gradient + step * q[t]) / (1 + step)
            p /= 1 + step
    return float(p[1])


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
        fix = f"download {target.url} to {target.file} in a folder, and name the folder in {FOLDER}"
        raise PrerequisiteError(f"the classifier {target.file} {where}", fix=fix)
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != target.sha256:
        raise PrerequisiteError(f"{path} is not the classifier that TDC publishes", fix=f"download {target.url} again")
    return data


def read(data: bytes) -> Classifier:
    """The model in a pickle of scikit-learn's ``RandomForestClassifier`` or ``SVC``, without scikit-learn.

    Raises:
        PrerequisiteError: if it is something else.
    """
    import io

    try:
        model = _Reader(io.BytesIO(data)).load()
        fields = model.fields
        if fields["classes_"].tolist() != [0, 1]:
            raise ValueError(f"its classes are {fields['classes_'].tolist()}")
        return _forest(fields) if "estimators_" in fields else _machine(fields)
    except (pickle.UnpicklingError, AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"a classifier has another form than TDC's: {error}"
        raise PrerequisiteError(message, fix="download TDC's current files") from error


class _Part:
    """Stands for any object of scikit-learn: keeps what it is made of."""

    fields: Mapping[str, Any]

    def __init__(self, *_: Any) -> None:
        self.fields = {}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.fields = state


class _Reader(pickle.Unpickler):
    """Constructs NumPy arrays and stand-ins, and refuses everything else."""

    plain = frozenset({("copyreg", "_reconstructor"), ("builtins", "object")})
    arrays = frozenset({"_reconstruct", "scalar", "ndarray", "dtype"})

    def find_class(self, module: str, name: str) -> Any:
        package = module.partition(".")[0]
        if package == "sklearn":
            return _Part
        if (module, name) in self.plain or (package == "numpy" and name in self.arrays):
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        raise pickle.UnpicklingError(f"it holds {module}.{name}")


def _forest(fields: Mapping[str, Any]) -> Forest:
    trees = []
    for estimator in fields["estimators_"]:
        parts = estimator.fields["tree_"].fields
        nodes, counts = parts["nodes"], parts["values"][:, 0, :]
        trees.append(
            Tree(
                left=nodes["left_child"].tolist(),
                right=nodes["right_child"].tolist(),
                feature=nodes["feature"].tolist(),
                threshold=nodes["threshold"].tolist(),
                active=(counts[:, 1] / counts.sum(axis=1)).tolist(),
            )
        )
    return Forest(trees)


def _machine(fields: Mapping[str, Any]) -> SupportVectorMachine:
    if fields["kernel"] != "rbf":
        raise ValueError(f"its kernel is {fields['kernel']}")

    def first(*names: str) -> Any:
        """Fields are called differently from version to version."""
        return next(fields[name] for name in names if name in fields)

    vectors = np.asarray(fields["support_vectors_"], dtype=np.float64)
    return SupportVectorMachine(
        vectors=vectors,
        squares=(vectors**2).sum(axis=1),
        weights=np.asarray(fields["_dual_coef_"], dtype=np.float64)[0],
        intercept=float(fields["_intercept_"][0]),
        gamma=float(fields["_gamma"]),
        slope=float(first("_probA", "probA_")[0]),
        offset=float(first("_probB", "probB_")[0]),
    )
