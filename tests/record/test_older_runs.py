"""Runs that an older build made are opened, audited, exported, resumed and replayed by this one.

tests/fixtures/1e8ec7a/README.md says what they are. Everything is asked of the command line, in a copy of the folder.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ftdojo import models
from ftdojo.cli.main import app
from ftdojo.errors import InfrastructureError
from ftdojo.record import Ledger
from ftdojo.record.history import History

OLDER = Path(__file__).parents[1] / "fixtures/1e8ec7a"
SETTING = ("approve", "--model", "model", "--budget", "20m")
RESUMED = ("run", *SETTING, "--agent", "random-search", "--seed", "1014", "--max-iterations", "2")

Ftdojo = Callable[..., Any]


@pytest.fixture
def older(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the runs and their home. It is the working directory, since the records name their model by a relative
    path; the runs were made on a processor."""
    copy = shutil.copytree(OLDER, tmp_path / "older")
    monkeypatch.chdir(copy)
    monkeypatch.setenv("FTDOJO_HOME", str(copy / "home"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    return copy


@pytest.fixture
def ftdojo(older: Path) -> Ftdojo:
    """Run a command in ``older``; the document that it prints."""

    def ftdojo(*arguments: str, allowed: Collection[int] = (0,)) -> Any:
        done = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
        assert done.exit_code in allowed, done.output
        return json.loads(done.stdout)

    return ftdojo


def statuses(audit: dict[str, Any]) -> dict[str, set[str]]:
    """Status -> names of the checks that have it."""
    return {
        status: {check["name"] for check in audit["checks"] if check["status"] == status}
        for status in ("ok", "unchecked", "failed")
    }


def test_a_finished_run_passes_every_check(ftdojo: Ftdojo) -> None:
    found = statuses(ftdojo("verify", "finished", "--task", "approve"))
    assert (found["failed"], found["unchecked"]) == (set(), set())


STORED = {"stages", "validation", "decisions", "overlap"}
"""Checks that look into the store, which holds the stages of some of the runs alone."""


@pytest.mark.parametrize(
    ("run", "missing"),
    [
        ("llm", {*STORED, "lineage"}),
        ("mcp", {"lineage"}),
        ("migrated", {*STORED, "lineage"} - {"overlap"}),
        ("disqualified", {"outputs", "test", "lineage"}),
    ],
)
def test_records_with_every_kind_of_event_hold(ftdojo: Ftdojo, run: str, missing: set[str]) -> None:
    found = statuses(ftdojo("verify", f"others/{run}", "--task", "approve"))
    assert (found["failed"], found["unchecked"]) == (set(), missing)


def test_calls_and_probes_are_read(older: Path) -> None:
    with Ledger(older / "others/llm", writable=False) as ledger:
        history = History(ledger)
        assert [len(calls) for calls in history.calls] == [3, 2, 3, 0]
        assert [len(calls) for calls in history.data_calls] == [0, 0, 24, 0]
        assert [probe.share for probe in history.probes] == [0.125, 0.125]


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("finished", ["83.3", "learning_rat", "accepted"]),
        ("interrupted", ["83.3", "random-search"]),
        ("others/llm", ["a high rate teaches the form", "openai:scripted"]),
        ("others/mcp", ["visitor", "83.3"]),
        ("others/migrated", ["83.3", "random-search"]),
        ("others/disqualified", ["disqualified"]),
    ],
)
def test_a_report_is_written(ftdojo: Ftdojo, older: Path, run: str, words: list[str]) -> None:
    report = Path(ftdojo("report", run)["report"])
    assert report.resolve() == older / run / "report.html"
    text = report.read_text()
    assert [word for word in words if word not in text] == []


PRECISION = "cpu/bfloat16/eager"
"""With what the runs were computed. Their models answer otherwise in float32."""


def require_precision(*, same: bool) -> None:
    """Skip a test on machines that compute otherwise than the runs did, or on those that do not."""
    here = str(models.compute())
    if (here == PRECISION) is not same:
        pytest.skip(f"the runs were computed with {PRECISION}, this machine computes with {here}")


def test_in_another_precision_a_model_with_another_score_is_refused_at_export(ftdojo: Ftdojo) -> None:
    require_precision(same=False)
    with pytest.raises(InfrastructureError, match="does not have the recorded score"):
        ftdojo("export", "finished", "models/tried", "--task", "approve")


def test_the_best_model_is_exported_in_both_forms(ftdojo: Ftdojo, older: Path) -> None:
    require_precision(same=True)
    recorded = json.loads((OLDER / "finished/result.json").read_text())["best"]["validation"]
    for form, weights in [("merged", "model.safetensors"), ("adapter", "adapter_model.safetensors")]:
        exported = ftdojo("export", "finished", f"models/{form}", "--form", form, "--task", "approve")
        assert exported["validation"]["value"] == pytest.approx(recorded["value"])
        assert (older / "models" / form / weights).is_file()
        assert Path(exported["card"]).is_file()
    merged, kept = (folder / "model.safetensors" for folder in (older / "models/merged", OLDER / "finished/model"))
    assert merged.stat().st_size == kept.stat().st_size


def test_a_killed_run_is_resumed_to_its_end(ftdojo: Ftdojo, older: Path) -> None:
    require_precision(same=True)
    result = ftdojo(*RESUMED, "--out", "interrupted")
    assert (result["outcome"], result["best"]["iteration"]) == ("scored", 1)
    assert [iteration["number"] for iteration in result["iterations"]] == [1, 2]
    assert result["best"]["test"]["value"] > result["baseline"]["test"]["value"]
    assert result == json.loads((older / "interrupted/result.json").read_text())
    assert statuses(ftdojo("verify", "interrupted", "--task", "approve"))["failed"] == set()


def test_recorded_answers_of_language_models_are_used_again(ftdojo: Ftdojo) -> None:
    """They are answers to another draft than that of this build: the first plan sets a value that is there already,
    which is left out. Its rate is so high that the training may diverge."""
    arguments = ("run", *SETTING, "--replay", "others/llm", "--max-iterations", "1", "--out", "replayed")
    result = ftdojo(*arguments, allowed=(0, 1))
    assert result["planner"] == "openai:scripted"
    (iteration,) = result["iterations"]
    assert iteration["hypothesis"] == "a high rate teaches the form"
    assert result["budget"]["llm"] == {"input_tokens": 200, "output_tokens": 20, "cost_usd": 0.0}


def test_a_contest_is_read_again_and_nothing_of_it_is_missing(ftdojo: Ftdojo, older: Path) -> None:
    before = json.loads((older / "contest/leaderboard.json").read_text())
    (older / "contest/leaderboard.json").unlink()
    ftdojo("report", "contest")
    reported = json.loads((older / "contest/leaderboard.json").read_text())
    assert (older / "contest/leaderboard.html").is_file()
    jobs = sorted(path.name for path in older.glob("contest/jobs/*/*/*/*"))
    assert ftdojo("bench", "suites/tiny.toml", "--out", "contest", "--slots", "1") == reported
    assert sorted(path.name for path in older.glob("contest/jobs/*/*/*/*")) == jobs
    assert not list(older.glob("contest/jobs/**/attempt-*.log")), "nothing was run"

    def standings(board: dict[str, Any]) -> list[Any]:
        columns = ("contestant", "agent", "gain", "rank", "first", "runs", "iterations", "outcomes")
        return [[line[name] for name in columns] for part in board["boards"] for line in part["standings"]]

    assert len(standings(reported)) == 2
    assert standings(reported) == standings(before)
    assert (reported["missing"], reported["attempts"]) == ([], before["attempts"])
