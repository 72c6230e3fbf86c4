"""What do evaluations save that stop early, and do they decide like complete ones?

    python benchmarks/sequential.py [--nulls 10000] [--pairs 3000] [--runs FOLDER ...] [--home FOLDER]
        [--seed 0] [--json]

Printed, for each kind of pairs of models:

- how many of them a complete evaluation accepts, and how many an evaluation that may stop;
- in how many both decide the same;
- the share of the items that is answered on average.

Kinds of pairs:

- *nulls*: two models whose answers are right with the same probability on each item. Items differ in difficulty, and
  both models find the same ones hard (Gaussian copula). Whatever is accepted is an error.
- *targets*: score differences whose mean over all items is exactly what is needed for acceptance, in random orders.
  The test guarantees that no more than ``ALPHA`` of these are stopped, if the target is known.
- *simulated*: as nulls, with a difference: a third about equal (standard deviation 2 points), a third worse and a third
  better (half-normal, 15 and 20 points).
- *recorded*: all ordered pairs of models in runs below ``--runs``, the base model included, by their stored outputs on
  validation. Runs without ``--sequential`` have all outputs; ``benchmarks/aa.py --real`` makes such runs. Items are
  also drawn into 20 other orders, since the fixed order of a task is only one.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
from scipy.special import ndtri

from ftdojo import sandbox, tasks
from ftdojo.data import find, read_items
from ftdojo.episode import evaluation
from ftdojo.episode.evaluation import Prediction
from ftdojo.episode.predict import PREDICTIONS
from ftdojo.record import Home, Ledger
from ftdojo.record.events import BaselineMeasured, RunBegun
from ftdojo.record.history import History
from ftdojo.record.run_folder import LEDGER
from ftdojo.stats import Comparison, interleave, is_futile, looks, paired_difference
from ftdojo.stats.sequential import ALPHA
from ftdojo.tasks.spec import ItemScore

SIZES, SUBTASKS = (60, 100, 200, 300), (1, 3, 5)
ORDERS = 20

Scores = np.ndarray


@dataclass(frozen=True)
class Tally:
    """What became of many pairs."""

    kind: str
    pairs: int
    whole: float
    """Share that a complete evaluation accepts."""
    sequential: float
    """Share that an evaluation accepts that may stop."""
    same: float
    """Share in which both decide the same."""
    items: float
    """Share of the items that is answered on average."""

    def __str__(self) -> str:
        return (
            f"{self.kind:<28} {self.pairs:>6} pairs  accepted {self.whole:7.2%} -> {self.sequential:7.2%}  "
            f"same {self.same:7.2%}  items {self.items:6.1%}"
        )


def decide(new: Scores, reference: Scores, strata: Sequence[str], order: Sequence[int]) -> tuple[bool, int]:
    """Whether a complete evaluation accepts, and after how many items one stops that may."""
    n = len(strata)
    accepted = paired_difference(new.tolist(), reference.tolist(), strata).low > 0
    labels, known = [strata[i] for i in order], reference[order].tolist()
    differences = (new - reference)[order].tolist()
    for size in looks(n)[:-1]:
        if is_futile(Comparison(differences[:size], known, labels)):
            return accepted, size
    return accepted, n


def tally(kind: str, pairs: Iterator[tuple[Scores, Scores, Sequence[str], Sequence[int]]]) -> Tally:
    """Decide on all pairs in both ways."""
    found = [(*decide(*pair), len(pair[2])) for pair in pairs]
    count = len(found)
    return Tally(
        kind,
        count,
        whole=sum(accepted for accepted, _, _ in found) / count,
        sequential=sum(accepted and size == n for accepted, size, n in found) / count,
        same=sum(not accepted or size == n for accepted, size, n in found) / count,
        items=float(np.mean([size / n for _, size, n in found])),
    )


def simulate(
    rng: np.random.Generator, count: int, n: int | None, *, null: bool
) -> Iterator[tuple[Scores, Scores, list[str], list[int]]]:
    """Pairs of models with right and wrong answers."""
    for _ in range(count):
        size = int(n or rng.choice(SIZES))
        groups = int(rng.choice(SUBTASKS))
        level, kind = rng.uniform(0.05, 0.9), rng.integers(3)
        gap = 0.0 if null else [rng.normal(0, 0.02), -abs(rng.normal(0, 0.15)), abs(rng.normal(0, 0.2))][kind]
        other, alike = float(np.clip(level + gap, 0.01, 0.99)), rng.uniform(0.2, 0.8)
        hard = math.sqrt(alike) * rng.normal(size=size)
        reference, new = (
            (hard + math.sqrt(1 - alike) * rng.normal(size=size) < ndtri(rate)).astype(float) for rate in (level, other)
        )
        strata = [str(i % groups) for i in range(size)]
        yield new, reference, strata, interleave(strata, seed=int(rng.integers(1 << 31)))


def stopped_at_target(rng: np.random.Generator, count: int) -> float:
    """Share of pairs that reach a known target exactly, and are stopped nevertheless."""
    stopped = 0
    for _ in range(count):
        n, groups = int(rng.choice(SIZES)), int(rng.choice(SUBTASKS))
        discordant = int(rng.integers(n // 10, n // 2))
        wins = min(discordant, math.ceil((discordant + 1.96 * math.sqrt(discordant)) / 2))
        gaps = np.array([1.0] * wins + [-1.0] * (discordant - wins) + [0.0] * (n - discordant))
        reference = np.where(gaps > 0, 0.0, np.where(gaps < 0, 1.0, rng.integers(0, 2, n)))
        place = rng.permutation(n)
        gaps, reference = gaps[place], reference[place]
        strata = [str(i % groups) for i in range(n)]
        target = paired_difference((reference + gaps).tolist(), reference.tolist(), strata).value
        order = interleave(strata, seed=int(rng.integers(1 << 31)))
        known, labels = reference[order].tolist(), [strata[i] for i in order]
        stopped += any(
            Comparison(gaps[order][:size].tolist(), known, labels).log_capital(target) >= -math.log(ALPHA)
            for size in looks(n)[:-1]
        )
    return stopped / count


def recorded(runs: Sequence[Path], home: Home) -> dict[str, list[list[ItemScore]]]:
    """Run -> the verdicts of all models whose outputs on all validation items are stored."""
    found: dict[str, list[list[ItemScore]]] = {}
    for ledger in sorted(path for folder in runs for path in folder.rglob(LEDGER)):
        with Ledger(ledger.parent, writable=False) as opened:
            history = History(opened)
            begun, base = history.first(RunBegun), history.first(BaselineMeasured)
            iterations = history.iterations
        if begun is None or base is None:
            continue
        configuration = begun.configuration
        _, task = tasks.get(begun.task, runner=sandbox.run_user_code).variant(configuration.variant)
        task = task.as_recorded(configuration.digests["task"])
        data = find(task, configuration.variant, home)
        if data is None or task.spec.pooled or task.version != configuration.digests["task"]:
            continue
        items = read_items(data.validation)
        made = [base.digests, *(i.digests for i in iterations)]
        for digest in dict.fromkeys(stage["evaluate"] for stage in made if "evaluate" in stage):
            path = home.stages / "predictions" / digest / PREDICTIONS
            predictions = [Prediction.model_validate(row) for row in read_items(path)] if path.is_file() else []
            if len(predictions) == len(items):
                found.setdefault(str(ledger.parent), []).append(evaluation.scores(task, items, predictions))
    return found


def pairs_of(
    runs: dict[str, list[list[ItemScore]]], *, orders: int
) -> Iterator[tuple[Scores, Scores, list[str], list[int]]]:
    """All ordered pairs of models of a run, in the fixed order of the items or in others."""
    for models in runs.values():
        strata = [verdict.subtask for verdict in models[0]]
        for new, reference in permutations(models, 2):
            scores = [np.array([verdict.score for verdict in side]) for side in (new, reference)]
            for seed in range(orders):
                yield scores[0], scores[1], strata, interleave(strata, seed=seed)


def main() -> None:
    """Print the tallies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nulls", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=3000)
    parser.add_argument("--runs", type=Path, nargs="*", default=[])
    parser.add_argument("--home", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    tallies = [tally("nulls", simulate(rng, given.nulls, None, null=True))]
    for n in SIZES:
        tallies.append(tally(f"simulated, {n} items", simulate(rng, given.pairs // len(SIZES), n, null=False)))
    runs = recorded(given.runs, Home(given.home) if given.home else Home.default())
    if any(len(models) > 1 for models in runs.values()):
        tallies.append(tally("recorded", pairs_of(runs, orders=1)))
        tallies.append(tally(f"recorded, {ORDERS} orders", pairs_of(runs, orders=ORDERS)))
    at_target = stopped_at_target(rng, given.nulls // 10)
    if given.json:
        shown = {"tallies": [asdict(one) for one in tallies], "stopped_at_target": at_target, "alpha": ALPHA}
        print(json.dumps(shown))
        return
    for one in tallies:
        print(one)
    print(f"stopped at a known target: {at_target:.1%}, of at most {ALPHA:.0%}")


if __name__ == "__main__":
    main()
