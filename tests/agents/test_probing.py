"""Probes: a contest of plans on parts of their rows, in the record and on the budget like everything else."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo import agents
from ftdojo.agents.ft_agent.probing import FIRST_SHARE, halve, ranked
from ftdojo.contract.options import RunOptions
from ftdojo.contract.protocol import Agent, Observation
from ftdojo.contract.result import RunResult
from ftdojo.contract.submission import load
from ftdojo.episode import Dojo, run_episode
from ftdojo.errors import UsageError
from ftdojo.record import Home, Ledger


@given(scores=st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=2, max_size=9), higher=st.booleans())
def test_the_best_candidate_wins_the_most_urgent_of_equal_ones(scores: list[int | None], higher: bool) -> None:
    rungs = halve(len(scores), lambda candidate, _: scores[candidate], higher_is_better=higher)
    passed = [score for score in scores if score is not None]
    best = (max if higher else min)(passed) if passed else None
    assert ranked(rungs[-1], higher_is_better=higher)[0] == scores.index(best)


def test_a_contest_halves_the_field_and_doubles_the_share() -> None:
    rungs = halve(8, lambda candidate, _: candidate, higher_is_better=True)
    assert [rung.share for rung in rungs] == [FIRST_SHARE, 2 * FIRST_SHARE, 4 * FIRST_SHARE]
    assert [sorted(rung.scores) for rung in rungs] == [list(range(8)), [4, 5, 6, 7], [6, 7]]


def test_noise_is_beaten_by_the_second_look() -> None:
    """With noise that falls with the share, the best of four wins more often than by one look at the first share."""
    rng, wins, first_look = random.Random(0), 0, 0
    for _ in range(400):
        rungs = halve(4, lambda c, share: c + rng.gauss(0, 0.7 / share**0.5), higher_is_better=True)
        wins += ranked(rungs[-1], higher_is_better=True)[0] == 3
        first_look += ranked(rungs[0], higher_is_better=True)[0] == 3
    assert wins > first_look > 100


def test_only_ft_agent_probes() -> None:
    assert agents.check("ft-agent", "playbook", probes=4) == "playbook, 4 probed"
    assert agents.check("ft-agent", "playbook") == "playbook"
    with pytest.raises(UsageError, match="does not support probes"):
        agents.check("single-shot", "playbook", probes=4)


class Killed(BaseException):
    pass


class Dying:
    """A contestant whose process dies after its second iteration was planned, before it was handed in."""

    def __init__(self, agent: Agent) -> None:
        self.name, self.planner, self._agent = agent.name, agent.planner, agent

    def propose(self, observation: Observation) -> Path | None:
        folder = self._agent.propose(observation)
        if observation.history:
            raise Killed
        return folder


def play(task: Path, model: Path, run: Path, home: Home, *, dies: bool = False, **budget: Any) -> RunResult:
    planner = agents.check("ft-agent", "playbook", probes=3)
    # A training that goes on from another one is as long as time is left: after a kill it would be another plan.
    given: dict[str, Any] = {"submissions": 2, "wall_s": 3600.0, "warm_start": False, **budget}
    with Dojo(RunOptions(task=str(task), model=str(model), planner=planner, **given), run, home=home) as dojo:
        agent = agents.make("ft-agent", run / "workspace", door=dojo, probes=3)
        assert getattr(agent, "planner", None) == planner
        return run_episode(dojo, Dying(agent) if dies else agent)


def events(run: Path, kind: str) -> Iterator[dict[str, Any]]:
    with Ledger(run, writable=False) as ledger:
        yield from [event.payload for event in ledger.events(kind)]


def test_plans_compete_before_one_is_run(tmp_path: Path, approve: Path, tiny_model: Path, home: Home) -> None:
    result = play(approve, tiny_model, tmp_path / "run", home)
    probes = [payload["probe"] for payload in events(tmp_path / "run", "probe")]
    assert [probe["share"] for probe in probes] == [FIRST_SHARE] * 3, "the pilot has no rivals; then three compete"
    assert len({probe["submission"] for probe in probes}) == 3
    assert all(probe["score"]["n"] == 30 for probe in probes)
    assert all(payload["charge"]["submissions"] == 0 for payload in events(tmp_path / "run", "probe"))
    assert result.budget.submissions == 2
    plan = load(tmp_path / "run/submissions/002").plan
    assert plan.evidence[-1].startswith("probes on 12% of the rows, accuracy: ")
    best = max(probe["score"]["value"] for probe in probes)
    assert f"{best:.1f}" in plan.evidence[-1]


def test_a_killed_contest_is_not_held_twice(tmp_path: Path, approve: Path, tiny_model: Path, home: Home) -> None:
    with pytest.raises(Killed):
        play(approve, tiny_model, tmp_path / "run", home, dies=True)
    made = list(events(tmp_path / "run", "probe"))
    assert len(made) == 3
    play(approve, tiny_model, tmp_path / "run", home)
    assert list(events(tmp_path / "run", "probe")) == made


def test_a_budget_without_room_holds_no_contest(tmp_path: Path, approve: Path, tiny_model: Path, home: Home) -> None:
    play(approve, tiny_model, tmp_path / "long", home)
    with Ledger(tmp_path / "long", writable=False) as ledger:
        first = ledger.events("iteration")[0].payload["charge"]["wall_s"]
    play(approve, tiny_model, tmp_path / "short", home, wall_s=1.4 * first)
    assert list(events(tmp_path / "short", "probe")) == []
