"""Plots as files: what they show, the colours of the light theme, the same bytes every time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from ftdojo.bench.leaderboard import Duel, Leaderboard
from ftdojo.contract.feedback import Interval
from ftdojo.errors import UsageError
from ftdojo.report.difference_plots import Difference, forest_plot, win_matrix
from ftdojo.report.drawing import Drawing, as_file
from ftdojo.report.plot_files import draw_contest, draw_run, write_plots

FIXTURES = Path(__file__).parents[1] / "fixtures/1e8ec7a"
PAPER, ACCENT = "#ffffff", "#0b6a69"
COLOURS = {"ink": "#000000", "muted": "#111111", "paper": PAPER, "accent": ACCENT, "rule": "#222222"}
COLOURS |= {f"curve-{slot}": f"#33333{slot}" for slot in range(6)}


def contest() -> Leaderboard:
    path = FIXTURES / "contest/leaderboard.json"
    return Leaderboard.read(path.read_bytes(), str(path))


def axes_of(drawing: Drawing) -> Any:
    axes = Figure().subplots()
    drawing.draw(axes, COLOURS)
    return axes


def words(svg: bytes) -> list[str]:
    return ["".join(element.itertext()) for element in ElementTree.fromstring(svg).iter() if element.tag[-4:] == "text"]


def test_the_plots_of_a_run_are_files_named_for_what_they_show(make_run: Callable[..., Path], tmp_path: Path) -> None:
    written = write_plots(draw_run(make_run()), tmp_path / "plots", "svg")
    names = ["score-by-iteration", "score-over-budget", "differences", "training-loss"]
    assert [path.name for path in written] == [f"{name}.svg" for name in names]
    for path in written:
        svg = path.read_bytes()
        assert ElementTree.fromstring(svg).tag.endswith("svg")
        assert b"<dc:date>" not in svg
        colours = set(re.findall(r"#[0-9a-f]{6}", svg.decode()))
        assert ACCENT in colours or path.stem == "training-loss"
        assert not any(colour.startswith("#fe00") for colour in colours), "a file has no style sheet to ask"
    shown = {path.stem: words(path.read_bytes()) for path in written}
    assert {"validation accuracy", "iteration (0 is the base model)", "accepted"} <= set(shown["score-by-iteration"])
    assert {"validation accuracy", "minutes of the budget used"} <= set(shown["score-over-budget"])
    assert "difference to the best model before, validation accuracy (more is better)" in shown["differences"]
    assert "optimizer step" in shown["training-loss"]


def test_scores_stand_at_the_time_that_was_used_with_their_intervals(make_run: Callable[..., Path], build: Any) -> None:
    axes = axes_of(draw_run(make_run())["score-over-budget"])
    base, *others = axes.containers
    assert base.lines[0].get_xdata() == pytest.approx([70 / 60]), "minutes, when the base model was measured"
    drawn = {container.get_label(): container for container in others}
    chosen = [i for i in build.STORY if i.accepted]
    accepted = drawn["accepted"].lines[0]
    assert list(accepted.get_xdata()) == pytest.approx([(70 + 241 * i.number) / 60 for i in chosen])
    assert list(accepted.get_ydata()) == [i.score.value for i in chosen]
    bars = [tuple(segment[:, 1]) for segment in drawn["accepted"].lines[2][0].get_segments()]
    assert bars == [pytest.approx(i.score.interval) for i in chosen]
    (band,) = axes.collections[-1:]
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (build.score(8.5).interval[0], chosen[-1].score.interval[1])


def test_a_forest_plot_has_a_row_for_each_difference() -> None:
    rows = [
        Difference("a − b", Interval(value=4, low=1, high=7), shown=True),
        Difference("a − c", Interval(value=-1, low=-3, high=1), shown=False),
    ]
    axes = axes_of(forest_plot(rows, "points", filled="differs", hollow="tie"))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a − b", "a − c"]
    differs, tie = axes.containers
    assert (differs.lines[0].get_xdata(), differs.lines[0].get_ydata()) == ([4], [0])
    assert differs.lines[2][0].get_segments()[0].tolist() == [[1, 0], [7, 0]]
    assert tie.lines[2][0].get_segments()[0].tolist() == [[-3, 1], [1, 1]]
    assert [to_hex(c.lines[0].get_markerfacecolor()) for c in (differs, tie)] == [ACCENT, PAPER]
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "the first row is at the top"


def test_a_win_matrix_shows_each_pair_from_both_sides() -> None:
    duels = [Duel(ours="a", theirs="b", wins=3, ties=1, losses=0, p_value=0.2)]
    axes = axes_of(win_matrix(["b", "a", "c"], duels))
    assert {(text.get_position(), text.get_text()) for text in axes.texts} == {((1, 0), "0/1/3"), ((0, 1), "3/1/0")}
    colours = {patch.get_xy(): to_hex(patch.get_facecolor()) for patch in axes.patches}
    assert colours == {(0.5, -0.5): COLOURS["curve-1"], (-0.5, 0.5): COLOURS["curve-0"]}


def test_the_plots_of_a_contest() -> None:
    found = draw_contest(contest())
    assert list(found) == ["score-over-budget", "differences-own-approve", "wins"]
    assert "difference on test, accuracy (more is better)" in words(as_file(found["differences-own-approve"], "svg"))
    assert "base − random-search" in words(as_file(found["differences-own-approve"], "svg"))
    assert {"0/0/1", "1/0/0"} <= set(words(as_file(found["wins"], "svg")))


def test_the_course_of_a_contestant_has_its_interval_over_runs() -> None:
    board = contest().boards[0]
    course = board.course[1]
    assert not axes_of(draw_contest(contest())["score-over-budget"]).collections, "older builds did not write it"
    wide = course.model_copy(update={"intervals": [(-0.1, 0.5)] * len(course.points)})
    newer = contest().model_copy(update={"boards": [board.model_copy(update={"course": [wide]})]})
    (band,) = axes_of(draw_contest(newer)["score-over-budget"]).collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (-10, 50)


def test_no_name_of_a_task_or_contestant_leads_out_or_hides_a_plot(tmp_path: Path) -> None:
    board = contest().boards[0]
    names = ["../../a", "..-..-a", "x\x1b[2J$^{$ <b>"]
    hostile = board.model_copy(
        update={
            "tasks": [board.tasks[0].model_copy(update={"id": name}) for name in names],
            "pairs": [board.pairs[0].model_copy(update={"task": name, "ours": names[-1]}) for name in names],
        }
    )
    drawings = draw_contest(contest().model_copy(update={"boards": [hostile, hostile]}))
    written = write_plots(drawings, tmp_path / "plots", "svg")
    assert {path.parent for path in written} == {tmp_path / "plots"}
    assert len(set(written)) == 2 * (len(names) + 2)
    assert (tmp_path / "plots" / "board-2-differences-..-..-a-2.svg").is_file()
    assert "$^{$ <b> − random-search" in " ".join(words(written[3].read_bytes()))


@pytest.mark.parametrize("form", ["svg", "pdf"])
def test_the_command_writes_equal_bytes_every_time(form: str, tmp_path: Path) -> None:
    made = []
    for seed, folder in (("1", "contest"), ("2", "again")):
        command = [sys.executable, "-m", "ftdojo", "report", FIXTURES / "finished", "--format", form]
        run = subprocess.run(
            [*map(str, command), "--to", str(tmp_path / folder), "--json"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        made.append({path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()})
    assert made[0] == made[1]
    assert f"score-over-budget.{form}" in made[0]
    if form == "pdf":
        for content in made[0].values():
            assert content.startswith(b"%PDF-")
            assert content.rstrip().endswith(b"%%EOF")
            assert b"CreationDate" not in content


def test_without_results_there_are_no_plots(make_run: Callable[..., Path]) -> None:
    with pytest.raises(UsageError, match="nothing was measured"):
        draw_run(make_run(until="started"))
    with pytest.raises(UsageError, match="no run of the contest has ended"):
        draw_contest(contest().model_copy(update={"boards": []}))


def test_an_interrupted_run_has_plots(make_run: Callable[..., Path]) -> None:
    assert list(draw_run(make_run(iterations=[], until="baseline"))) == ["score-by-iteration", "score-over-budget"]
