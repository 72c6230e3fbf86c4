"""Two kinds of fitted classifiers, read from pickles of scikit-learn 0.23, which no current scikit-learn can run.

Only the arrays in a pickle are read: nothing but NumPy's and inert stand-ins are constructed. The random forest and the
support vector machine with Platt's probabilities are computed here.
"""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ftdojo.errors import PrerequisiteError

Vector = NDArray[np.float64]


class Classifier(Protocol):
    """A fitted model."""

    def probability(self, x: Vector) -> float:
        """Probability of activity, for a fingerprint of shape ``(2048,)``."""


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


def read(data: bytes) -> Classifier:
    """The model in a pickle of scikit-learn's ``RandomForestClassifier`` or ``SVC``, without scikit-learn.

    Raises:
        PrerequisiteError: if it is something else.
    """
    try:
        model = _Reader(io.BytesIO(data)).load()
        fields = model.fields
        if fields["classes_"].tolist() != [0, 1]:
            raise ValueError(f"its classes are {fields['classes_'].tolist()}")
        return _forest(fields) if "estimators_" in fields else _machine(fields)
    except (pickle.UnpicklingError, EOFError, AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"a classifier has another form than TDC's: {error}"
        raise PrerequisiteError(message, fix="download TDC's current files") from error


class _Part:
    """Replaces any object of scikit-learn: keeps its arguments and state."""

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
        """The first field that exists: their names differ between versions."""
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
