"""The answers of a run in the forms of other tools say what the ledger says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftdojo.audit.samples import Samples, read_samples
from ftdojo.contract.result import RunResult
from ftdojo.record import Home, RunFolder
from ftdojo.report.eval_logs import write_inspect, write_lm_eval


@pytest.fixture
def samples(finished_run: Path) -> Samples:
    return read_samples(finished_run / "run", home=Home(finished_run / "home"))


@pytest.fixture
def result(finished_run: Path) -> RunResult:
    return RunResult.model_validate_json(RunFolder(finished_run / "run").result.read_text("utf-8"))


def test_every_evaluation_has_its_answers_and_verdicts(samples: Samples, result: RunResult) -> None:
    scores = {(e.split, e.model): e.score for e in samples.evaluations}
    assert scores["validation", "base"] == result.baseline.validation
    assert scores["test", "base"] == result.baseline.test
    for iteration in result.iterations:
        assert scores.get(("validation", f"iteration-{iteration.number}")) == iteration.validation
    for evaluated in samples.evaluations:
        easy = result.trivial if evaluated.split == "test" else result.trivial_validation
        assert easy is not None
        assert evaluated.untrained == {"constant": easy.constant, "few-shot": easy.few_shot}
        assert len(evaluated.samples) == evaluated.score.n
        mean = 100 * sum(s.verdict.score for s in evaluated.samples) / evaluated.score.n
        assert mean == pytest.approx(evaluated.score.value)
        assert all(s.gold and s.messages[-1]["content"] for s in evaluated.samples)


def test_samples_of_lm_evaluation_harness(samples: Samples, tmp_path: Path) -> None:
    paths = write_lm_eval(samples, tmp_path / "logs")
    assert len(paths) == len(samples.evaluations)
    for path, evaluated in zip(paths, samples.evaluations, strict=True):
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        assert [row["filtered_resps"] for row in rows] == [[s.output] for s in evaluated.samples]
        assert [row["target"] for row in rows] == [s.gold for s in evaluated.samples]
        assert 100 * sum(row["accuracy"] for row in rows) / len(rows) == pytest.approx(evaluated.score.value)


def test_inspect_reads_its_logs(samples: Samples, tmp_path: Path) -> None:
    log = pytest.importorskip("inspect_ai.log")
    analysis = pytest.importorskip("inspect_ai.analysis")
    paths = write_inspect(samples, tmp_path / "logs")
    for path, evaluated in zip(paths, samples.evaluations, strict=True):
        read = log.read_eval_log(str(path))
        (score,) = read.results.scores
        assert score.metrics[evaluated.score.metric].value == evaluated.score.value
        constant = score.metrics["accuracy, constant"]
        assert (constant.value, constant.metadata["low"]) == (
            evaluated.untrained["constant"].value,
            evaluated.untrained["constant"].interval[0],
        )
        assert [s.output.completion for s in read.samples] == [s.output for s in evaluated.samples]
    table = analysis.evals_df(str(tmp_path / "logs"))
    assert len(table) == len(paths)
    assert sorted(table["model"]) == sorted(f"ftdojo/{e.model}" for e in samples.evaluations)
    assert sorted(table["score_headline_value"]) == sorted(e.score.value for e in samples.evaluations)
