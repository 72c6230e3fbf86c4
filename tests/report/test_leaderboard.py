"""The pages of a contest: what they say, that nothing in them acts, and that a large one stays small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ftdojo.bench.leaderboard import Board, Cell, Cost, Course, Duel, Leaderboard, Missing, Pair, Standing, TaskLine
from ftdojo.bench.suite import Limits
from ftdojo.contract.feedback import Interval
from ftdojo.contract.result import Score
from ftdojo.report.leaderboard import as_html, as_json, as_markdown

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>|`[x](javascript:alert(1))$a$\u202e\x1b[31m"


def made(tasks: list[str], names: list[str], seeds: int = 3) -> Leaderboard:
    base = Score(metric="accuracy", value=10, interval=(5, 15), n=100)
    best = Score(metric="accuracy", value=40, interval=(33, 47), n=100)
    cost = Cost(wall_s=90, wall_s_per_iteration=45, device_s=60, usd_per_iteration=0.0, usd=0.0)
    board = Board(
        variant="twin",
        model="smollm2-135m",
        budget="short",
        limits=Limits(wall="2m", iterations=4),
        versions={"ftdojo": "0.1.0"},
        tasks=[
            TaskLine(id=t, metric="accuracy", higher_is_better=True, best_value=100, base=base, leaders=names[:1])
            for t in tasks
        ],
        standings=[
            Standing(
                contestant=name,
                agent="base",
                planner="",
                tasks=len(tasks),
                gain=0.33,
                gain_interval=(0.2, 0.4),
                rank=1.5,
                first=len(tasks) if name == names[0] else 0,
                runs=seeds * len(tasks),
                outcomes={"scored": 2, "invalid": 1},
                iterations=9,
                improving=3,
                rejected=1,
                blocked=0,
                teachers=["self"],
                methods=["dpo", "lora"],
                tokens=0,
                cost=cost,
            )
            for name in names
        ],
        cells=[
            Cell(
                task=t,
                contestant=name,
                seeds=list(range(seeds)),
                outcomes={"scored": 2, "invalid": 1},
                score=best,
                gain=0.33,
                item_error=3.0,
                seed_deviation=1.5,
                runs={s: f"jobs/{t}/{name}/seed{s}" for s in range(seeds)},
            )
            for t in tasks
            for name in names
        ],
        pairs=[
            Pair(
                task=t,
                ours=names[0],
                theirs=name,
                difference=Interval(value=5, low=1, high=9),
                p_value=0.01,
                verdict=1,
                seeds_to_separate=4,
            )
            for t in tasks
            for name in names[1:]
        ],
        duels=[Duel(ours=names[0], theirs=name, wins=2, ties=0, losses=0, p_value=0.5) for name in names[1:]],
        course=[Course(contestant=name, points=[(0.0, 0.0), (60.0, 0.3)]) for name in names],
    )
    missing = [Missing(job=f"{tasks[0]}, seed 9", folder="x", attempts=2, failure="ended with status 3: no disk")]
    return Leaderboard(suite="first", boards=[board], missing=missing, attempts=7)


def test_the_page_says_who_is_best_and_leads_to_the_runs() -> None:
    page = as_html(made(["math/aime24", "math/aime25"], ["ft-agent", "base"]))
    words = re.sub(r"<[^>]+>", " ", page)
    assert "ft-agent: best, or not shown to be worse than the best, on 2 of 2 tasks" in words
    assert 'href="jobs/math/aime24/ft-agent/seed2/report.html"' in page
    assert re.search(r"between seeds ±1\.5\s+1 invalid", words)
    assert "no disk" in words
    assert 'aria-label="Mean normalized validation score' in page
    assert page.count("<script>") == 1
    assert "http" not in re.sub(r"http-equiv|http://www.w3.org/\S+", "", page), "nothing is loaded from anywhere"


def test_prompts_in_place_of_the_tasks_own_are_named() -> None:
    plain = made(["math/aime24"], ["ft-agent", "base"])
    assert "prompts" not in as_json(plain)
    board = plain.boards[0].model_copy(update={"prompts": "asked with own prompts 12ab"})
    own = plain.model_copy(update={"boards": [board]})
    for text in (as_html(own), as_markdown(own), as_json(own)):
        assert "asked with own prompts 12ab" in text


def test_markdown_has_the_same_tables() -> None:
    text = as_markdown(made(["math/aime24"], ["ft-agent", "base"]))
    (header,) = [line for line in text.splitlines() if line.startswith("| task")]
    assert header == "| task | base model | ft-agent | base |"
    assert re.search(r"\*\*40\.0 %\*\* \\\[.*\\\]; between seeds ±1\.5; 1 invalid", text)
    assert Leaderboard.model_validate_json(as_json(made(["a"], ["b"]))) == made(["a"], ["b"])


def test_nothing_hostile_acts() -> None:
    board = made([HOSTILE, "b"], ["ft-agent", HOSTILE])
    page = as_html(board)
    assert page.count("<script") == 1
    assert "<img" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    text = as_markdown(board)
    assert "<script" not in text.replace("\\<script", "")
    assert len({line.count(" | ") for line in text.splitlines() if line.startswith("| ") and "math" not in line}) <= 2


def test_the_one_script_is_the_one_that_the_policy_names(tmp_path: Path) -> None:
    import base64
    import hashlib

    page = as_html(made(["a"], ["b"]))
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page


def test_a_thousand_episodes_are_a_small_page() -> None:
    page = as_html(made([f"task/{i}" for i in range(13)], [f"agent-{i}" for i in range(8)], seeds=10))
    assert page.count("report.html") == 13 * 8 * 10
    assert len(page) < 400_000


@pytest.mark.parametrize("seeds", [0, 1])
def test_sparse_boards_are_drawn(seeds: int) -> None:
    board = made(["a"], ["b", "c"], seeds)
    part = board.boards[0]
    bare = part.model_copy(
        update={
            "cells": [c.model_copy(update={"score": None, "seed_deviation": None}) for c in part.cells],
            "standings": [
                s.model_copy(update={"gain": None, "gain_interval": None, "rank": None}) for s in part.standings
            ],
            "course": [],
            "pairs": [],
        }
    )
    page = as_html(board.model_copy(update={"boards": [bare, bare.model_copy(update={"tasks": []})]}))
    assert "No run has ended yet." in page


def test_the_headline_names_the_best_and_whether_its_lead_is_shown() -> None:
    board = made(["math/aime24", "math/aime25"], ["ft-agent", "base"])
    words = " ".join(re.sub(r"<[^>]+>", " ", as_html(board)).split())
    assert "ft-agent is best, with a mean normalized score of" in words
    assert "before base with" in words
    assert as_markdown(board).count("ft-agent is best") == 1
