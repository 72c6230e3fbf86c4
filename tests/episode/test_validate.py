"""The gates alone, as ``ftdojo validate`` makes them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ftdojo.contract.options import RunOptions
from ftdojo.episode import validate
from ftdojo.errors import UsageError
from ftdojo.record import Home
from submissions import write_submission

ENGINE = """
from contextlib import contextmanager
from ftdojo.inference import EnginePlugin, TransformersEngine

asked = []

@contextmanager
def opened(model):
    asked.append(model)
    yield TransformersEngine(model)

PLUGIN = EnginePlugin("counting-1", opened)
"""


def test_gate_5_generates_with_the_engine_of_the_options(
    tmp_path: Path, approve: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "counting_engine.py").write_text(ENGINE)
    monkeypatch.syspath_prepend(tmp_path)
    submission = write_submission(tmp_path / "submission")
    options = RunOptions(task=str(approve), model=str(tiny_model), engine="counting_engine:PLUGIN")
    home = Home(tmp_path / "home")
    verdict = validate(submission, options, home=home)
    assert verdict.ok, verdict.findings
    assert len(sys.modules["counting_engine"].asked) == 1
    with pytest.raises(UsageError, match="there is no engine 'sglang'"):
        validate(submission, options.model_copy(update={"engine": "sglang"}), home=home)
