"""Functions that a gate calls raise findings without a gate number; the gate adds its own."""

from __future__ import annotations

import pytest

from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.gates import at_gate

FINDING = Finding(code="diverged", message="m", where="train.yaml: learning_rate", fix="f", fits=0.5)


def test_findings_get_the_number_of_their_gate_and_keep_all_else() -> None:
    with pytest.raises(InputError) as caught, at_gate(4):
        raise InputError([FINDING, FINDING])
    assert caught.value.findings == (FINDING.model_copy(update={"gate": 4}),) * 2


def test_other_errors_pass_unchanged() -> None:
    with pytest.raises(ValueError, match=r"^other$"), at_gate(4):
        raise ValueError("other")
