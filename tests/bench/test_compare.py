"""The leaderboard of runs whose scores are known."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from ftdojo.bench import Suite, SuiteRecord, leaderboard
from ftdojo.bench.leaderboard import Leaderboard
from ftdojo.errors import InputError, UsageError
from ftdojo.report.leaderboard import write_leaderboard
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks.patent.noc4pc import CODES
from synthetic_contest import items, write_run

SUITE = """
name = "known"
tasks = ["math/aime24", "patent/noc4pc", "finance/financeiq"]
models = ["smollm2-135m"]
agents = ["base", "single-shot", "random-search"]
seeds = [0, 1, 2]
[budgets.short]
wall = "2m"
"""
ITEMS = 60
SKILL = {"base": 0.1, "single-shot": 0.4, "random-search": 0.45}


def right(skill: float, name: str) -> list[bool]:
    """The same items are hard for everybody; ``name`` moves a few of them."""
    rng = random.Random(name)
    return [i / ITEMS + rng.uniform(-0.05, 0.05) < skill for i in range(ITEMS)]


def scores(skill: float, name: str) -> list[ItemScore]:
    return items([float(hit) for hit in right(skill, name)])


def codes(skill: float, name: str) -> list[ItemScore]:
    """Verdicts as the scorer of patent/noc4pc makes them: the three codes in turn, a wrong answer is the next code."""
    made = []
    for i, hit in enumerate(right(skill, name)):
        gold, said = CODES[i % 3], CODES[(i if hit else i + 1) % 3]
        counts = {f"{code}.{kind}": 0.0 for code in CODES for kind in ("right", "wrong", "missed")}
        counts |= {f"{gold}.right": 1.0} if hit else {f"{said}.wrong": 1.0, f"{gold}.missed": 1.0}
        made.append(ItemScore(id=str(i), subtask="", score=float(hit), parsed=True, metrics=counts))
    return made


@pytest.fixture
def contest(tmp_path: Path) -> tuple[Path, Suite]:
    path = tmp_path / "suite.toml"
    path.write_text(SUITE)
    suite = Suite.load(path)
    with SuiteRecord(tmp_path / "out", suite):
        pass
    return tmp_path / "out", suite


def fill(out: Path, suite: Suite) -> None:
    for job in suite.jobs():
        if job.task_id == "patent/noc4pc":
            continue
        who = job.contestant.name
        write_run(
            out,
            job,
            scores(SKILL["base"], "base"),
            scores(SKILL[who], f"{who}{job.seed}" if who != "base" else "base"),
            validation=[] if who == "base" else [40.0],
            overlap=3 if who == "random-search" and job.seed == 0 else 0,
            stopped=who == "random-search",
        )


def test_a_leaderboard_by_hand(contest: tuple[Path, Suite]) -> None:
    out, suite = contest
    fill(out, suite)
    board = leaderboard(out)
    (part,) = board.boards
    assert [line.id for line in part.tasks] == ["math/aime24", "finance/financeiq"]
    assert len(board.missing) == 9
    assert all(job.failure == "" and "patent" in job.folder for job in board.missing)

    cell = next(c for c in part.cells if (c.task, c.contestant) == ("math/aime24", "single-shot"))
    runs = [100 * sum(right(0.4, f"single-shot{seed}")) / ITEMS for seed in range(3)]
    assert cell.score is not None
    assert cell.score.value == pytest.approx(sum(runs) / 3)
    base = part.tasks[0].base.value
    assert cell.gain == pytest.approx((cell.score.value - base) / (100 - base))
    assert cell.seeds == [0, 1, 2]
    assert cell.outcomes == {"scored": 3}
    assert (out / cell.runs[1]).is_dir()

    verdicts = {(p.task, p.ours, p.theirs): p.verdict for p in part.pairs}
    assert verdicts["math/aime24", "base", "single-shot"] == -1
    assert verdicts["math/aime24", "single-shot", "random-search"] == 0
    assert all(set(line.leaders) == {"single-shot", "random-search"} for line in part.tasks)
    (duel,) = [d for d in part.duels if {d.ours, d.theirs} == {"base", "random-search"}]
    assert (duel.wins, duel.ties, duel.losses) == (0, 0, 2)

    standing = {s.contestant: s for s in part.standings}
    assert [s.contestant for s in part.standings][-1] == "base"
    assert standing["base"].gain == pytest.approx(0)
    assert standing["base"].rank == 3
    assert standing["base"].outcomes == {"no_submission": 6}
    assert standing["base"].cost.wall_s_per_iteration is None
    random_search = standing["random-search"]
    assert (random_search.iterations, random_search.improving, random_search.rejected) == (12, 6, 6)
    assert random_search.blocked == 2
    assert random_search.cost.wall_s_per_iteration == pytest.approx((10 + 40) / 2)
    course = next(c for c in part.course if c.contestant == "single-shot")
    assert course.points[0] == (0, 0)
    assert course.points[-1] == pytest.approx((30, 30 / 90))
    assert course.intervals[-1] == pytest.approx((30 / 90, 30 / 90)), "over six runs that are the same"
    assert len(course.intervals) == len(course.points)


def test_what_needs_no_training_is_ranked_like_every_contestant(contest: tuple[Path, Suite]) -> None:
    out, suite = contest
    for job in suite.jobs():
        if job.task_id == "patent/noc4pc":
            continue
        who, easy = job.contestant.name, {"majority": scores(0.42, "constant")}
        if job.task_id == "math/aime24":
            easy["few_shot"] = scores(0.2, "few-shot")
        write_run(out, job, scores(0.1, "base"), scores(SKILL[who], f"{who}{job.seed}"), trivial=easy)
    (part,) = leaderboard(out).boards
    standing = {s.contestant: s for s in part.standings}
    assert set(standing) == {*SKILL, "constant", "few-shot"}
    constant = standing["constant"]
    assert (constant.trained, constant.runs, constant.iterations, constant.tasks) == (False, 0, 0, 2)
    assert standing["base"].trained
    assert standing["few-shot"].tasks == 1
    cells = {(c.task, c.contestant): c for c in part.cells}
    cell = cells["math/aime24", "constant"]
    assert cell.score is not None
    assert cell.score.value == pytest.approx(100 * sum(right(0.42, "constant")) / ITEMS)
    assert (cell.seeds, cell.runs, cell.seed_deviation) == ([0, 1, 2], {}, None)
    assert cells["finance/financeiq", "few-shot"].score is None
    verdicts = {(p.task, p.ours, p.theirs): p.verdict for p in part.pairs}
    assert verdicts["math/aime24", "single-shot", "constant"] == 0, "the trained model is not shown to be better"
    assert verdicts["math/aime24", "base", "constant"] == -1
    assert all("constant" in line.leaders for line in part.tasks)
    courses = {course.contestant: course.points for course in part.course}
    assert set(courses) == {*SKILL, "constant", "few-shot"}
    level = (100 * sum(right(0.42, "constant")) / ITEMS - 10) / 90
    assert [at for at, _ in courses["constant"]] == [0, 10]
    assert [share for _, share in courses["constant"]] == pytest.approx([level, level]), "a level line"
    page = write_leaderboard(out, leaderboard(out)).read_text("utf-8")
    assert "needs no training" in page
    assert "jobs/smollm2-135m-twin-short/math-aime24/constant" not in page


@pytest.mark.parametrize("name", ["constant", "few-shot"])
def test_their_names_are_taken(tmp_path: Path, name: str) -> None:
    path = tmp_path / "suite.toml"
    path.write_text(SUITE.replace('"base"', f'{{name = "{name}", agent = "base"}}'))
    with pytest.raises(InputError, match="is in every contest already"):
        Suite.load(path)


def test_a_pooled_metric_is_compared_too(contest: tuple[Path, Suite]) -> None:
    out, suite = contest
    for job in suite.jobs():
        if job.task_id == "patent/noc4pc":
            who = job.contestant.name
            write_run(out, job, codes(0.1, "base"), codes(0.1 if who == "base" else 0.4, f"{who}{job.seed}"))
    (part,) = leaderboard(out).boards
    line = part.tasks[0]
    assert (line.metric, set(line.leaders)) == ("macro_f1", {"single-shot", "random-search"})
    cell = next(c for c in part.cells if c.contestant == "single-shot")
    assert cell.score is not None
    assert 20 < cell.score.interval[0] < cell.score.value < cell.score.interval[1] < 70
    assert cell.seed_deviation is not None


@pytest.mark.parametrize("changed", [{"test": "other"}, {"task": "2"}, {"model": "n"}])
def test_results_that_must_not_be_mixed_are_refused(contest: tuple[Path, Suite], changed: dict[str, Any]) -> None:
    out, suite = contest
    first, second = suite.jobs()[:2]
    write_run(out, first, items([0.0] * 9), items([1.0] * 9))
    write_run(out, second, items([0.0] * 9), items([1.0] * 9), **changed)
    with pytest.raises(UsageError, match=f"another {next(iter(changed))} than"):
        leaderboard(out)


def test_different_items_are_refused(contest: tuple[Path, Suite]) -> None:
    out, suite = contest
    first, second = suite.jobs()[:2]
    write_run(out, first, items([0.0] * 9), items([1.0] * 9))
    write_run(out, second, items([0.0] * 8), items([1.0] * 8))
    with pytest.raises(UsageError, match="different test items"):
        leaderboard(out)


def test_nothing_has_ended_yet(contest: tuple[Path, Suite]) -> None:
    out, _ = contest
    board = leaderboard(out)
    assert (board.boards[0].tasks, len(board.missing)) == ([], 27)
    assert Leaderboard.model_validate(json.loads(board.model_dump_json())) == board
