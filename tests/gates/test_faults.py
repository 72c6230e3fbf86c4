"""The fault corpus: every faulty submission is rejected by the gate and with the code that it names, every good one
passes. On a tiny model; ``benchmarks/gates.py`` runs the same on the embedded one and takes the time."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from ftdojo import models
from ftdojo.contract.options import RunOptions
from ftdojo.episode import validate
from ftdojo.episode.verdict import Verdict
from ftdojo.record import Home

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests/faults"
NAMES = sorted(path.parent.name for path in CORPUS.glob("*/expect.toml"))
FAULTY = [name for name in NAMES if not name.startswith("good_")]
GOOD = [name for name in NAMES if name.startswith("good_")]


@pytest.fixture(scope="module")
def corpus_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


def judge(name: str, model: str, home: Home) -> tuple[dict[str, object], Verdict]:
    expected = tomllib.loads((CORPUS / name / "expect.toml").read_text("utf-8"))
    local = ROOT / expected["task"]
    task = str(local) if local.is_dir() else expected["task"]
    return expected, validate(CORPUS / name, RunOptions(task=task, model=model), home=home)


def check(name: str, model: str, home: Home) -> None:
    expected, verdict = judge(name, model, home)
    told = [(f.severity, f.gate, f.code, f.message) for f in verdict.findings]
    errors = [f for f in verdict.findings if f.severity == "error"]
    assert (verdict.ok, verdict.gate) == ("gate" not in expected, expected.get("gate")), told
    assert "code" not in expected or expected["code"] in [f.code for f in errors], told
    assert all(f.message and f.where and f.fix for f in verdict.findings)


def test_the_corpus_covers_all_gates() -> None:
    gates = [tomllib.loads((CORPUS / name / "expect.toml").read_text("utf-8"))["gate"] for name in FAULTY]
    assert set(gates) == set(range(6))
    assert len(FAULTY) >= 60
    assert len(GOOD) >= 20


@pytest.mark.parametrize("name", NAMES)
def test_verdict(name: str, tiny_model: Path, corpus_home: Home) -> None:
    check(name, str(tiny_model), corpus_home)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", NAMES)
def test_verdict_on_the_embedded_model(name: str, corpus_home: Home) -> None:
    check(name, models.EMBEDDED, corpus_home)
