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
from ftdojo.agents.ft_agent.effects import CHOSEN_ROWS, CONTINUED, REWRITTEN, Change, changes, is_step, measure
from ftdojo.agents.ft_agent.rules import ATTRIBUTION, RULES
from ftdojo.contract.feedback import Interval
from ftdojo.contract.protocol import Observation
from ftdojo.contract.repeats import seed_variance
from ftdojo.contract.submission import RECIPE_DIGEST, Plan


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


BETWEEN_SEEDS = 2 * 5.0**2
"""Variance of a difference of two runs between seeds, by the prior: a standard deviation of 5 of 100 points each."""
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
    noise = (0.5 / 1.96) ** 2 + BETWEEN_SEEDS
    precision = 2**2 / noise + 1 / 10**2  # two doublings; an effect has a prior deviation of a tenth of 100 points
    assert effect.value == pytest.approx(2 * 8.0 / noise / precision), "a doubling is half of it, but for the prior"
    assert effect.high - effect.low == pytest.approx(2 * 1.96 / precision**0.5)
    assert str(effect).startswith("train.epochs doubled: +3.6 [")


def test_a_repeat_with_another_seed_measures_the_same_change(simulation: ModuleType, tmp_path: Path) -> None:
    trial = START.with_train(epochs=4)
    drafts = {1: START, 2: trial, 3: trial.with_train(seed=1)}
    seen = observed(simulation, tmp_path, (trial, 8.0, 0.5), (drafts[3], 8.4, 0.5))
    named = ["first", "second", "second"]
    history = [
        i.model_copy(update={"digests": {RECIPE_DIGEST: name}}) for i, name in zip(seen.history, named, strict=True)
    ]
    repeated = seen.model_copy(update={"history": history})
    (once,) = measure(observed(simulation, tmp_path / "once", (trial, 8.0, 0.5)), drafts)
    (twice,) = measure(repeated, drafts)
    assert set(twice.trials) == {2, 3}
    assert twice.high - twice.low < once.high - once.low
    variance = seed_variance(history, range_=100)
    assert variance.value == pytest.approx((4 * 25 + 0.08) / 5), "the pair of repeats, with four of the prior"


def test_going_on_is_one_change(simulation: ModuleType, tmp_path: Path) -> None:
    trial = START.with_train(start=1, epochs=4, learning_rate=5e-4)
    seen = observed(simulation, tmp_path, (trial, 8.0, 0.5))
    history = [seen.history[0], seen.history[1].model_copy(update={"start": 1})]
    (effect,) = measure(seen.model_copy(update={"history": history}), {1: START, 2: trial})
    assert effect.change == CONTINUED
    asks = trial.with_recipe(sample={"samples": 2, "model": "start", "keep": 0, "mastered": "drop"})
    (effect,) = measure(seen.model_copy(update={"history": history}), {1: START, 2: asks})
    assert effect.change == CHOSEN_ROWS
    assert is_step(effect.change)
    assert effect.value == pytest.approx(8 * 100 / (100 + (0.5 / 1.96) ** 2 + BETWEEN_SEEDS))


def test_a_second_trial_tells_joint_changes_apart(simulation: ModuleType, tmp_path: Path) -> None:
    both, one = START.with_train(epochs=2, learning_rate=2e-3), START.with_train(epochs=2)
    joint = measure(observed(simulation, tmp_path / "a", (both, 6.0, 1.0)), {1: START, 2: both})
    assert joint[0].value == pytest.approx(joint[1].value), "what is not known is shared out"
    assert joint[0].value == pytest.approx(3 * 200 / (200 + (1 / 1.96) ** 2 + BETWEEN_SEEDS))
    assert all(e.low < 0 for e in joint)
    seen = observed(simulation, tmp_path / "b", (both, 6.0, 1.0), (one, 0.0, 1.0))
    apart = {e.change.key: e for e in measure(seen, {1: START, 2: both, 3: one})}
    assert apart["train.learning_rate"].value > 1.3 * joint[0].value
    assert apart["train.epochs"].value < 0.7 * joint[1].value
    assert apart["train.epochs"].low < 0 < apart["train.epochs"].high
    assert apart["train.learning_rate"].low < 0, "a single seed does not show that six points come from the recipe"


def test_nothing_evaluated_has_no_effects(simulation: ModuleType, tmp_path: Path) -> None:
    assert measure(observed(simulation, tmp_path), {1: START}) == []


@pytest.mark.slow
def test_attribution_saves_full_runs(simulation: ModuleType, tmp_path: Path) -> None:
    """On simulated training with known effects; the benchmark has it over 50 seeds."""
    without = tuple(rule for rule in RULES if rule not in ATTRIBUTION)
    runs = {
        name: sum(simulation.needed(rules, seed, tmp_path / name / str(seed)).runs for seed in range(6))
        for name, rules in (("with", RULES), ("without", without))
    }
    assert runs["with"] < runs["without"]
    assert read(tmp_path / "with" / "0" / "001").train.epochs == 1
