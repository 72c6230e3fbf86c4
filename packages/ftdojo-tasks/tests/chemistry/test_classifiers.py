"""Classifiers that are read without scikit-learn give what scikit-learn gives; nothing in a pickle is run."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import SVC

from ftdojo.errors import PrerequisiteError
from ftdojo_tasks.chemistry.classifiers import coupled, read

Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def data() -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(0)
    x = (rng.random((120, 64)) < 0.3).astype(float)
    return x, (x[:, 0] + x[:, 1] + rng.random(120) > 1.2).astype(int), (rng.random((20, 64)) < 0.3).astype(float)


def test_a_forest_gives_the_probabilities_of_scikit_learn(data: tuple[Array, Array, Array]) -> None:
    x, y, fresh = data
    model = RandomForestClassifier(n_estimators=9, max_depth=5, random_state=0).fit(x, y)
    ours = [read(pickle.dumps(model)).probability(row) for row in fresh]
    np.testing.assert_allclose(ours, model.predict_proba(fresh)[:, 1], atol=1e-12)


@pytest.mark.filterwarnings("ignore:The `probability` parameter")
def test_a_support_vector_machine_gives_the_probabilities_of_scikit_learn(data: tuple[Array, Array, Array]) -> None:
    x, y, fresh = data
    model = SVC(kernel="rbf", probability=True, gamma=0.05, random_state=0).fit(x, y)
    ours = [read(pickle.dumps(model)).probability(row) for row in fresh]
    np.testing.assert_allclose(ours, model.predict_proba(fresh)[:, 1], atol=1e-6)


@pytest.mark.parametrize("first", [1e-7, 0.01, 0.3, 0.5, 0.9, 1 - 1e-7])
def test_coupling_comes_close_to_the_other_share(first: float) -> None:
    assert coupled(first) == pytest.approx(1 - first, abs=0.06)


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return (eval, ("1/0",))


@pytest.mark.parametrize(
    "data", [pickle.dumps(Hostile()), pickle.dumps([1, 2]), b"", b"\x80\x04junk", pickle.dumps(SVC(kernel="linear"))]
)
def test_anything_else_is_refused_and_never_run(data: bytes) -> None:
    with pytest.raises(PrerequisiteError, match="another form"):
        read(data)
