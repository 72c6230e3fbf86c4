"""How often is a recipe called better than itself? The same recipe with other seeds, simulated and real.

    python benchmarks/aa.py [--simulated 200] [--real 20] [--task chemistry/mol_und] [--model NAME]
        [--rows 64 256] [--epochs 1] [--out runs/aa] [--home FOLDER] [--seed 0] [--json]

Two statements are counted, each with a 95 % interval whose whole must be above zero:

- *this model is better* (the rule of acceptance): the interval is over items. Two seeds of one recipe are different
  models, so this may be right although the recipe is the same.
- *this recipe is better*: the interval is over items and seeds (``ftdojo.stats.recipe``). The variance between seeds is
  pooled over the repeats that are at hand, with the prior.

Simulated comparisons: models whose probability of a right answer differs by the seed with the given standard deviation,
on 100 or 300 items that are hard for both; with no repeats, and with two further runs of the recipe.

Real comparisons: a model, by default the embedded one, is trained with ``--real N`` + 1 seeds on the first rows of a
task, once for each number in ``--rows``, and each run is compared with the next one. Printed is also the deviation
between seeds: that part of the variance of the scores which answers that differ by chance do not explain. The trainings
are one run in ``--out``: the same command resumes it. It is not sequential, so that ``benchmarks/sequential.py --runs``
can use its outputs.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.special import ndtri

from ftdojo import tasks
from ftdojo.agents.draft import Proposal, first
from ftdojo.contract.options import RunOptions
from ftdojo.contract.protocol import Observation
from ftdojo.contract.submission import Plan
from ftdojo.episode import Dojo
from ftdojo.record import Home
from ftdojo.stats import crossed, paired_difference, pool_seed_variance, recipe_difference
from ftdojo.tasks.spec import ItemScore
from sequential import recorded

DEVIATIONS, SIZES, REPEATS = (0.0, 0.03, 0.06), (100, 300), (0, 2)
HOURS = 1000.0


@dataclass(frozen=True)
class Tally:
    """False acceptances among comparisons of a recipe with itself."""

    kind: str
    comparisons: int
    model: float
    """Share in which the model is called better."""
    recipe: float
    """Share in which the recipe is called better."""

    def __str__(self) -> str:
        return (
            f"{self.kind:<44} {self.comparisons:>5} comparisons  "
            f"this model {self.model:6.1%}  this recipe {self.recipe:6.1%}"
        )


Pair = tuple[Sequence[float], Sequence[float], Sequence[str], Sequence[Sequence[float]]]
"""Scores of the new model and of the reference on the same items, the strata, and scores of repeated runs."""


def tally(kind: str, pairs: Iterator[Pair]) -> Tally:
    """Count both statements."""
    model, recipe = [], []
    for new, reference, strata, repeats in pairs:
        gap = paired_difference(new, reference, strata)
        model.append(gap.low > 0)
        recipe.append(recipe_difference(gap, pool_seed_variance(repeats, range_=1.0)).low > 0)
    return Tally(kind, len(model), float(np.mean(model)), float(np.mean(recipe)))


def simulate(rng: np.random.Generator, count: int, *, deviation: float, n: int, repeats: int) -> Iterator[Pair]:
    """Comparisons of a recipe with itself."""
    strata = [str(i % 4) for i in range(n)]
    for _ in range(count):
        level, alike = rng.uniform(0.15, 0.85), rng.uniform(0.3, 0.8)
        hard = math.sqrt(alike) * rng.normal(size=n)

        def run(level: float = level, alike: float = alike, hard: np.ndarray = hard) -> list[float]:
            rate = float(np.clip(level + rng.normal(0, deviation), 0.01, 0.99)) if deviation else level
            right = hard + math.sqrt(1 - alike) * rng.normal(size=n) < ndtri(rate)
            return [float(answer) for answer in right]

        new, reference, others = run(), run(), [run() for _ in range(repeats)]
        scores = [float(np.mean(one)) for one in (reference, *others)]
        yield new, reference, strata, [scores]


class SameRecipe:
    """Proposes the same recipe with one seed after the other, for each number of rows."""

    name, planner = "same-recipe", ""

    def __init__(self, folder: Path, *, rows: Sequence[int], seeds: int, epochs: float) -> None:
        self._folder, self._epochs = folder, epochs
        self._trials = [(size, seed) for size in rows for seed in range(seeds)]

    def propose(self, observation: Observation) -> Path | None:
        """Return the next submission."""
        if (number := len(observation.history)) == len(self._trials):
            return None
        size, seed = self._trials[number]
        keys = {"learning_rate": 1e-3, "epochs": self._epochs, "batch_size": 8}
        draft = first(observation.task, rows=size, seed=0, train=keys).with_train(seed=seed)
        plan = Plan(parent=0, hypothesis=f"{size} rows, seed {seed}", evidence=[], focus="both", changes=[])
        folder = self._folder / str(number)
        Proposal(plan, draft).write(folder)
        return folder


def train(given: argparse.Namespace, home: Home) -> dict[int, list[list[ItemScore]]]:
    """Number of rows -> the verdicts of all runs with that many, made now or before."""
    run, seeds = given.out / "run", given.real + 1
    agent = SameRecipe(given.out / "work", rows=given.rows, seeds=seeds, epochs=given.epochs)
    options = RunOptions(task=given.task, model=given.model, agent=agent.name, sequential=False, wall_s=HOURS * 3600)
    with Dojo(options, run, home=home) as dojo:
        observation = dojo.reset()
        while (submission := agent.propose(observation)) is not None:
            observation = dojo.step(submission)
        dojo.pause()
    models = recorded([run], home)[str(run)]
    evaluated = [i.number for i in observation.history if i.score is not None]
    if len(models) != len(evaluated) + 1 or len(evaluated) != len(observation.history):
        raise SystemExit("not all models have an evaluation of their own: see the report of the run")
    found: dict[int, list[list[ItemScore]]] = {}
    for place, verdicts in enumerate(models[1:]):
        found.setdefault(given.rows[place // seeds], []).append(verdicts)
    return found


def compare(runs: Sequence[Sequence[ItemScore]]) -> Iterator[Pair]:
    """Each run with the next one. The repeats are the runs that are not compared."""
    strata = [verdict.subtask for verdict in runs[0]]
    scores = [[verdict.score for verdict in run] for run in runs]
    for one, two in pairwise(range(len(runs))):
        others = [float(np.mean(run)) for place, run in enumerate(scores) if place not in (one, two)]
        yield scores[two], scores[one], strata, [others]


def main() -> None:
    """Print the tallies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulated", type=int, default=200)
    parser.add_argument("--real", type=int, default=0)
    parser.add_argument("--task", default="chemistry/mol_und")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--rows", type=int, nargs="*", default=[64, 256])
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--out", type=Path, default=Path("runs/aa"))
    parser.add_argument("--home", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    tallies = [
        tally(
            f"simulated, deviation {deviation:.0%}, {n} items, {repeats} repeats",
            simulate(rng, given.simulated, deviation=deviation, n=n, repeats=repeats),
        )
        for deviation in DEVIATIONS
        for n in SIZES
        for repeats in REPEATS
    ]
    deviations: dict[int, float] = {}
    if given.real:
        metric_scale = tasks.get(given.task).spec.best_value
        for rows, runs in train(given, Home(given.home) if given.home else Home.default()).items():
            tallies.append(tally(f"real, {given.task}, {rows} rows", compare(runs)))
            layout = crossed([[v.score for v in run] for run in runs], [v.subtask for v in runs[0]])
            deviations[rows] = metric_scale * math.sqrt((layout.seed_variance or 0.0) * len(runs))
            print(f"{rows} rows: scores by seed {[round(metric_scale * value, 1) for value in layout.by_seed]}")
    if given.json:
        print(json.dumps({"tallies": [asdict(one) for one in tallies], "deviations": deviations}))
        return
    for one in tallies:
        print(one)
    for rows, deviation in deviations.items():
        print(f"standard deviation between seeds, {rows} rows: {deviation:.1f} points")


if __name__ == "__main__":
    main()
