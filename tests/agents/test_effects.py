"""Attribution: effects by a posterior that can be checked by hand, and what it is good for."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ftdojo import tasks
from ftdojo.agents.draft import Draft, Proposal, first, read
from ftdojo.agents.ft_agent import edits
from ftdojo.agents.ft_agent.effects import CONTINUED, REWRITTEN, Change, changes, measure
from ftdojo.agents.ft_agent.rules import ATTRIBUTION, RULES
from ftdojo.contract.feedback import Interval
from ftdojo.contract.protocol import Observation
from ftdojo.contract.submission import Plan


@pytest.fixture(scope="session")
def simulation() -> ModuleType:
    """The benchmark, which has the simulated iterations."""
    path = Path(__file__).parents[2] / "benchmarks" / "attribution.py"
    spec = importlib.util.spec_from_file_location("attribution", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["attribution"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SPEC = tasks.get("chemistry/mol_und").spec
START = first(
    SPEC,
    rows=1024,
    seed=0,
    train={"learning_rate": 1e-3, "epochs": 1, "lora": {"rank": 16, "alpha": 32}},
)


def observed(simulation: ModuleType, tmp_path: Path, *trials: tuple[Draft, float, float]) -> Observation:
    """A history in which the first draft was accepted with 50 points and each trial differed by so much, +- so much."""
    history, folders = [], {}
    for number, (draft, gap, half) in enumerate(((START, 0.0, 1.0), *trials), start=1):
        folder = folders[number] = tmp_path / str(number)
        plan = Plan(parent=number > 1, hypothesis="h", evidence=[], focus="training", changes=[])
        Proposal(plan, draft).write(folder)
        difference = Interval(value=gap, low=gap - half, high=gap + half)
        history.append(simulation.iteration(number, folder, 50 + gap, difference, number == 1))
    made: Observation = simulation.observation(history, folders, 1)
    return made


def test_changes_are_counted_in_doublings() -> None:
    after = edits.apply(START, SPEC, [("train.epochs", "4"), ("recipe.balance", "completion")])
    assert changes(START, after, SPEC) == {Change("train.epochs"): 2.0, Change("recipe.balance", "completion"): 1.0}
    assert changes(after, START, SPEC)[Change("train.epochs")] == -2.0
    assert changes(START, Draft("print()", START.train), SPEC) == {REWRITTEN: 1.0}


def test_one_change_has_the_difference_as_its_effect(simulation: ModuleType, tmp_path: Path) -> None:
    trial = START.with_train(epochs=4)
    seen = observed(simulation, tmp_path, (trial, 8.0, 0.5))
    (effect,) = measure(seen, {1: START, 2: trial})
    assert effect.change == Change("train.epochs")
    assert effect.value == pytest.approx(4.0, abs=0.05), "a doubling is half of it"
    assert effect.high - effect.low == pytest.approx(0.5, abs=0.02)
    assert str(effect).startswith("train.epochs doubled: +4.0 [")


def test_going_on_is_one_change(simulation: ModuleType, tmp_path: Path) -> None:
    trial = START.with_train(start=1, epochs=4, learning_rate=5e-4)
    seen = observed(simulation, tmp_path, (trial, 8.0, 0.5))
    history = [seen.history[0], seen.history[1].model_copy(update={"start": 1})]
    (effect,) = measure(seen.model_copy(update={"history": history}), {1: START, 2: trial})
    assert (effect.change, round(effect.value)) == (CONTINUED, 8)


def test_a_second_trial_tells_joint_changes_apart(simulation: ModuleType, tmp_path: Path) -> None:
    both, one = START.with_train(epochs=2, learning_rate=2e-3), START.with_train(epochs=2)
    joint = measure(observed(simulation, tmp_path / "a", (both, 6.0, 1.0)), {1: START, 2: both})
    assert [round(e.value) for e in joint] == [3, 3], "what is not known is shared out"
    assert all(e.low < 0 for e in joint)
    seen = observed(simulation, tmp_path / "b", (both, 6.0, 1.0), (one, 0.0, 1.0))
    apart = {e.change.key: e for e in measure(seen, {1: START, 2: both, 3: one})}
    assert apart["train.learning_rate"].value == pytest.approx(6, abs=0.3)
    assert apart["train.learning_rate"].low > 4
    assert apart["train.epochs"].low < 0 < apart["train.epochs"].high


def test_nothing_evaluated_has_no_effects(simulation: ModuleType, tmp_path: Path) -> None:
    assert measure(observed(simulation, tmp_path), {1: START}) == []


def test_attribution_saves_full_runs(simulation: ModuleType, tmp_path: Path) -> None:
    """On simulated training with known effects; the benchmark has it over 50 seeds."""
    without = tuple(rule for rule in RULES if rule not in ATTRIBUTION)
    runs = {
        name: sum(simulation.needed(rules, seed, tmp_path / name / str(seed)).runs for seed in range(6))
        for name, rules in (("with", RULES), ("without", without))
    }
    assert runs["with"] < runs["without"]
    assert read(tmp_path / "with" / "0" / "001").train.epochs == 1
