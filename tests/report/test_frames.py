"""Results as frames and as files: the numbers of ``result.json`` and ``leaderboard.json``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import ftdojo
from ftdojo.bench.leaderboard import Leaderboard
from ftdojo.errors import UsageError
from ftdojo.report.frames import of_leaderboard, write_tables

FIXTURES = Path(__file__).parents[1] / "fixtures/1e8ec7a"


def test_a_run_as_frames() -> None:
    frames = ftdojo.load_run(FIXTURES / "finished")
    result = json.loads((FIXTURES / "finished/result.json").read_text())
    scores = frames.scores.set_index(["model", "split"])
    assert scores.loc[("best", "test"), "value"] == result["best"]["test"]["value"]
    assert list(frames.iterations["accepted"]) == [one["accepted"] for one in result["iterations"]]
    best = frames.items[frames.items["model"] == "best"]
    assert 100 * best["score"].mean() == pytest.approx(result["best"]["test"]["value"])


def test_what_needs_no_training_is_among_the_scores_of_a_run(make_run: Any, build: SimpleNamespace) -> None:
    easy = build.trivial(few_shot=None), build.trivial()
    scores = ftdojo.load_run(make_run(trivial=easy)).scores.set_index(["model", "split"])
    for split, answers in zip(("validation", "test"), easy, strict=True):
        for name, score in answers.scores.items():
            row = scores.loc[(name, split)]
            assert [row["value"], row["low"], row["high"], row["n"]] == [score.value, *score.interval, score.n]
    assert ("few_shot", "validation") not in scores.index


def test_a_contest_as_frames_with_the_score_of_every_seed() -> None:
    frames = ftdojo.load_contest(FIXTURES / "contest")
    text = json.loads((FIXTURES / "contest/leaderboard.json").read_text())
    (board,) = text["boards"]
    assert list(frames.scores["value"]) == [cell["score"]["value"] for cell in board["cells"]]
    assert frames.seeds.empty  # older builds did not write them
    board["cells"][0]["seed_scores"] = {"3": 41.0}
    frames = of_leaderboard(Leaderboard.read(json.dumps(text), "test"))
    assert [frames.seeds[name][0] for name in ("seed", "value")] == [3, 41.0]


@pytest.mark.parametrize("form", ["csv", "md", "latex", "parquet"])
def test_tables_in_every_form(form: str, tmp_path: Path) -> None:
    frames = ftdojo.load_run(FIXTURES / "finished")
    written = write_tables(frames, tmp_path / "tables", form)  # type: ignore[arg-type]
    assert [path.stem for path in written] == ["scores", "iterations", "items"]
    if form == "csv":
        pd.testing.assert_frame_equal(pd.read_csv(written[0]), frames.scores)
    elif form == "parquet":
        pd.testing.assert_frame_equal(pd.read_parquet(written[0]), frames.scores)
    else:
        assert "accuracy" in written[0].read_text("utf-8")


def test_a_folder_without_results_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no run"):
        ftdojo.load_run(tmp_path)
    with pytest.raises(UsageError, match="leaderboard"):
        ftdojo.load_contest(tmp_path)
    shutil.copytree(FIXTURES / "interrupted", tmp_path / "run")
    with pytest.raises(UsageError, match="has not ended"):
        ftdojo.load_run(tmp_path / "run")
