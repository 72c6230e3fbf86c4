"""The contestants without reasoning: what they draw from, what fits, and that a killed run goes on as it would have."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo import tasks
from ftdojo.agents import AGENTS, check, forecast, make, practice
from ftdojo.agents.baselines.space import Choice, Point, Space, Span
from ftdojo.agents.draft import read
from ftdojo.contract import submission
from ftdojo.contract.data_profile import DataProfile, FileProfile
from ftdojo.contract.feedback import EvaluationFeedback, ExecutionFeedback, Feedback
from ftdojo.contract.model_info import ModelInfo
from ftdojo.contract.protocol import Iteration, Observation
from ftdojo.contract.result import Score, StageSeconds
from ftdojo.errors import UsageError
from ftdojo.findings import Finding

SPEC = tasks.get("chemistry/mol_und").spec
MODEL = ModelInfo(
    architecture="LlamaForCausalLM",
    parameters=10**8,
    layers=30,
    hidden_size=576,
    intermediate_size=1536,
    heads=9,
    key_value_heads=3,
    head_size=64,
    vocabulary=49152,
    context_length=512,
    precision="float32",
)
SEARCHES = ("random-search", "tpe")


def evaluation(value: float) -> EvaluationFeedback:
    return EvaluationFeedback(
        score=Score(metric="accuracy", value=value, interval=(value - 5, value + 5), n=100),
        parsed=1.0,
        subtasks={},
        subtask_parsed={},
        errors={},
        metrics={},
        to_best=None,
        samples=[],
    )


def observe(
    history: list[Iteration], folders: dict[int, Path], *, wall_s: float = 40_000, seed: int = 0
) -> Observation:
    files = [FileProfile(path=s.path, rows=700, malformed_rows=0, fields=[], samples=[]) for s in SPEC.raw_sources]
    return Observation(
        task=SPEC,
        raw_data=DataProfile(files=files),
        model=MODEL,
        baseline=evaluation(8),
        train_rows_per_s=5.0,
        evaluate_s=10.0,
        history=history,
        best=0,
        submissions=folders,
        remaining={"wall_s": wall_s},
        seed=seed,
    )


def play(
    name: str, workspace: Path, *, trials: int, judge: Callable[[Point], float | None], seed: int = 0
) -> tuple[list[Iteration], dict[int, Path]]:
    """Let an agent run against a score that is known for every point; a new agent for every trial, as after a kill."""
    history: list[Iteration] = []
    folders: dict[int, Path] = {}
    space = Space.from_observation(observe([], {}, seed=seed))
    for number in range(1, trials + 1):
        folder = make(name, workspace).propose(observe(history, folders, seed=seed))
        assert folder is not None
        folders[number] = folder
        value = judge(space.point(read(folder)))
        stop = [] if value is not None else [Finding(code="diverged", gate=4, message="m", where="w", fix="f")]
        history.append(
            Iteration(
                number=number,
                digests={},
                plan=submission.load(folder).plan,
                feedback=Feedback(
                    execution=ExecutionFeedback(
                        seconds=StageSeconds(data=1, train=60, evaluate=20), reused=[], findings=stop
                    ),
                    evaluation=None if value is None else evaluation(value),
                ),
                decision=None,
            )
        )
    return history, folders


def by_rate(point: Point) -> float | None:
    """Best at a learning rate of 1e-3 with the rendering 'answer'; the highest rates diverge."""
    if point.learning_rate > 3e-3:
        return None
    return (40 if point.rendering == "answer" else 10) - 1000 * abs(point.learning_rate - 1e-3)


def test_agents_are_known_by_name_and_only_two_have_a_planner() -> None:
    alone = [name for name in AGENTS.built_in if name != "greedy-tree"]
    assert [check(name, "playbook") for name in alone] == ["", "", "", "", "playbook"]
    assert check("ft-agent", "openai:some") == "openai:some"
    with pytest.raises(UsageError, match="has no planner"):
        check("tpe", "openai:some")
    assert [make(name, Path("unused")).name for name in alone] == alone


def test_base_hands_in_nothing(tmp_path: Path) -> None:
    assert make("base", tmp_path).propose(observe([], {})) is None
    assert not list(tmp_path.iterdir())


def test_single_shot_hands_in_one_submission_of_the_size_that_fits(tmp_path: Path) -> None:
    agent = make("single-shot", tmp_path)
    first = observe([], {}, wall_s=1000)
    folder = agent.propose(first)
    assert folder is not None
    draft = read(folder)
    assert draft.train.max_length == MODEL.context_length
    assert (draft.train.epochs, draft.train.learning_rate) == (
        3.0,
        practice.learning_rate(MODEL.hidden_size, adapters=True),
    )
    train_s = forecast.estimate_work(draft, first) / first.train_rows_per_s
    assert 990 < forecast.RESERVE * (forecast.overhead_s(first) + train_s) <= 1000
    assert {s.completion for s in draft.recipe.sources} == {
        next(r.completion for r in raw.renderings if r.name == "answer") for raw in SPEC.raw_sources
    }
    history, folders = play("single-shot", tmp_path / "b", trials=1, judge=lambda _: 30.0)
    assert agent.propose(observe(history, folders)) is None
    roomy = agent.propose(observe([], {}, wall_s=1e9))
    assert roomy is not None
    assert read(roomy).recipe.max_rows == SPEC.rules.max_rows


def test_single_shot_is_submitted_again_with_the_rows_that_fit_if_it_was_refused_for_its_time(tmp_path: Path) -> None:
    agent, history, folders = make("single-shot", tmp_path), list[Iteration](), dict[int, Path]()
    rows = []
    while folder := agent.propose(observe(history, folders, wall_s=1000)):
        number = len(history) + 1
        folders[number] = folder
        rows.append(read(folder).recipe.max_rows)
        refused = Finding(code="over_budget", gate=4, message="m", where="w", fix="f", fits=0.5)
        execution = ExecutionFeedback(seconds=StageSeconds(train=10), reused=[], findings=[refused])
        plan = submission.load(folder).plan
        history.append(
            Iteration(number=number, digests={}, plan=plan, feedback=Feedback(execution=execution), decision=None)
        )
    assert len(rows) == 3, "then it gives up"
    for before, after in pairwise(rows):
        assert after == int(before * 0.5 / forecast.RESERVE)
    evaluated = history[0].feedback.model_copy(update={"evaluation": evaluation(30.0)})  # the clock had cut it short
    trained = history[0].model_copy(update={"feedback": evaluated})
    assert agent.propose(observe([trained], folders)) is None


@given(st.integers(0, 2**32), st.integers(0, 5))
def test_a_point_survives_being_written_as_a_draft(number: int, seed: int) -> None:
    space = Space.from_observation(observe([], {}, seed=seed))
    point = space.draw(random.Random(number))
    assert space.point(space.draft(point)) == point
    assert point.rows <= SPEC.rules.max_rows
    assert all(
        span.low <= getattr(point, n) <= span.high for n, span in space.dimensions.items() if isinstance(span, Span)
    )


def test_whole_numbers_are_drawn_evenly_in_the_logarithm_ends_included() -> None:
    rng = random.Random(0)
    drawn = [Span(1, 4).draw(rng) for _ in range(4000)]
    assert set(drawn) == {1, 2, 3, 4}
    assert drawn.count(1) > drawn.count(2) > drawn.count(3) > drawn.count(4) > 300


@pytest.mark.parametrize("name", SEARCHES)
def test_a_killed_search_goes_on_as_it_would_have(name: str, tmp_path: Path) -> None:
    _, once = play(name, tmp_path / "once", trials=7, judge=by_rate)
    _, again = play(name, tmp_path / "again", trials=7, judge=by_rate)
    _, other = play(name, tmp_path / "other", trials=7, judge=by_rate, seed=1)

    def drafts(folders: dict[int, Path]) -> list[str]:
        return [repr(read(folder)) for folder in folders.values()]

    assert drafts(once) == drafts(again)
    assert len(set(drafts(once))) == 7
    assert not set(drafts(once)) & set(drafts(other))


def test_random_search_looks_at_no_score_and_tpe_learns_from_it(tmp_path: Path) -> None:
    def flat(_: Point) -> float:
        return 20.0

    space = Space.from_observation(observe([], {}))

    def points(name: str, judge: Callable[[Point], float | None], trials: int, seed: int) -> list[Point]:
        _, folders = play(name, tmp_path / f"{name}{judge.__name__}{seed}", trials=trials, judge=judge, seed=seed)
        return [Space.from_observation(observe([], {}, seed=seed)).point(read(folder)) for folder in folders.values()]

    assert points("random-search", flat, 5, 0) == points("random-search", by_rate, 5, 0)
    rendering = space.dimensions["rendering"]
    assert isinstance(rendering, Choice)
    assert rendering.options == ("raw", "answer", "rationale")
    late = [p for seed in range(3) for p in points("tpe", by_rate, 16, seed)[8:]]
    rng = random.Random(0)
    drawn = [space.draw(rng) for _ in range(1000)]

    def hit_share(found: list[Point]) -> float:
        return sum((by_rate(p) or 0) > 39.2 for p in found) / len(found)

    assert hit_share(late) > 2 * hit_share(drawn)


@pytest.mark.parametrize("name", SEARCHES)
def test_trials_fit_into_what_is_left(name: str, tmp_path: Path) -> None:
    agent = make(name, tmp_path)
    for wall_s in (200, 2000, 20_000):
        seen = observe([], {}, wall_s=wall_s)
        folder = agent.propose(seen)
        assert folder is not None
        assert forecast.estimate_work(read(folder), seen) / seen.train_rows_per_s <= wall_s / 4
    assert agent.propose(observe([], {}, wall_s=5)) is None


def test_the_space_obeys_the_rules_of_the_task() -> None:
    seen = observe([], {})
    strict = replace(SPEC, rules=replace(SPEC.rules, max_rows=40, methods=("full",)))
    space = Space.from_observation(seen.model_copy(update={"task": strict}))
    draft = space.draft(space.draw(random.Random(0)))
    assert draft.train.method == "full"
    assert draft.train.lora is None
    assert draft.recipe.max_rows == 40
