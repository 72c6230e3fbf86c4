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


def test_a_run_can_allow_fewer_methods_than_its_task(tmp_path: Path, approve: Path, tiny_model: Path) -> None:
    submission, home = write_submission(tmp_path / "submission"), Home(tmp_path / "home")

    def options(*methods: str) -> RunOptions:
        return RunOptions(task=str(approve), model=str(tiny_model), methods=methods)

    (finding,) = validate(submission, options("lora", "dpo"), home=home).findings
    assert (finding.code, finding.fix) == ("method_not_allowed", "choose one of: lora")
    with pytest.raises(UsageError, match="allows none of the methods dpo"):
        validate(submission, options("dpo"), home=home)
    with pytest.raises(UsageError, match="no training method 'lorra'"):
        validate(submission, options("lora", "lorra"), home=home)


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
