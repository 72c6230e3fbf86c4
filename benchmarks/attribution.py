"""Do attribution and probes save full runs? The playbook with and without each, on simulated training.

The response surface has known effects: each of four keys has a best value, every doubling away from it costs some
points, and what is measured is that sum with noise, as a finite validation set has it. An agent sees the score,
the interval and the acceptance, as in a real run. A probe on a share of the rows is the same surface at so many fewer
rows, with the same noise. Counted are the full runs until its best draft is within four points of the best
configuration, over many seeds, and beside them what the probes cost, in full runs by their shares of the rows; a run
that never gets there counts as the limit.

    python benchmarks/attribution.py [--seeds 50] [--json]
"""

from __future__ import annotations

import argparse
import json
import math
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from ftdojo import tasks
from ftdojo.agents import draft as drafts
from ftdojo.agents.draft import Draft
from ftdojo.agents.ft_agent import FTAgent
from ftdojo.agents.ft_agent.edits import values
from ftdojo.agents.ft_agent.playbook import Playbook
from ftdojo.agents.ft_agent.probing import Probing
from ftdojo.agents.ft_agent.rules import ATTRIBUTION, RULES, Rule
from ftdojo.contract.data_profile import DataProfile, FileProfile
from ftdojo.contract.feedback import (
    DataFeedback,
    Distribution,
    EvaluationFeedback,
    ExecutionFeedback,
    Feedback,
    Interval,
    TrainingFeedback,
)
from ftdojo.contract.model_info import ModelInfo
from ftdojo.contract.protocol import Decision, Iteration, Observation, Probe
from ftdojo.contract.result import Score, StageSeconds
from ftdojo.contract.submission import load
from ftdojo.contract.task_spec import Rules

SPEC = replace(tasks.get("chemistry/mol_und").spec, rules=Rules(max_rows=100_000, methods=("lora",)))
WALL_S, SPEED = 1e6, 0.01
"""Seconds that are left, and rows that are forecast to be learned in one: so that the first training is not the largest
that the task allows. What iterations take is simulated, too, and next to nothing."""
LIMIT = 24
"""Full runs after which a search is given up."""
NEAR = 4.0
"""Points of the best score within which a configuration counts as the best."""
NOISE = 1.5
"""Standard deviation of a measured score, in points."""
CANDIDATES = 4
"""Plans that compete in probes."""
KEYS = ("train.learning_rate", "train.epochs", "recipe.max_rows", "train.lora.rank")


@dataclass(frozen=True)
class Surface:
    """A score for every draft: ``top`` minus what each key's distance from its best value costs."""

    best: dict[str, float]
    cost: dict[str, float]
    top: float = 70.0

    @classmethod
    def draw(cls, rng: random.Random, start: Draft) -> Surface:
        """Best values one or two doublings away from ``start``, each doubling worth two to eight points."""
        found = values(start, SPEC)
        best = {key: float(found[key]) * 2.0 ** rng.choice((1, 1, 2)) for key in KEYS}
        return cls(best, {key: rng.uniform(2.0, 8.0) for key in KEYS})

    def score(self, draft: Draft) -> float:
        """The true score."""
        found = values(draft, SPEC)
        away = {key: abs(math.log2(float(found[key]) / self.best[key])) for key in KEYS}
        return self.top - sum(self.cost[key] * away[key] for key in KEYS)


@dataclass(frozen=True)
class Needed:
    """What it took to come near the best configuration."""

    runs: int
    probes: float
    """In full runs, by their shares of the rows."""


def needed(rules: Sequence[Rule], seed: int, workspace: Path, *, candidates: int = 0) -> Needed:
    """Full runs, and probes of so many candidates before each, until the best draft is near the best configuration."""
    rng = random.Random(seed)
    playbook, shares = Playbook(rules), list[float]()

    def measure(folder: Path, share: float) -> Probe:
        assert surface is not None
        draft = drafts.read(folder)
        fewer = draft.with_recipe(max_rows=max(1, int(share * draft.recipe.max_rows)))
        shares.append(share)
        value = surface.score(fewer) + rng.gauss(0, NOISE)
        return Probe(submission="", share=share, score=evaluation(value).score, findings=[])

    planner = Probing(playbook, playbook.plans, measure, candidates=candidates) if candidates else playbook
    agent = FTAgent(planner, workspace)
    history: list[Iteration] = []
    folders: dict[int, Path] = {}
    surface: Surface | None = None
    best, best_seen = 0, 0.0
    while len(history) < LIMIT:
        folder = agent.propose(observation(history, folders, best))
        if folder is None:
            return Needed(LIMIT, sum(shares))
        draft = drafts.read(folder)
        surface = surface or Surface.draw(rng, draft)
        true, number = surface.score(draft), len(history) + 1
        seen = true + rng.gauss(0, NOISE)
        gap, half = seen - best_seen, 1.96 * 2**0.5 * NOISE
        accepted = best == 0 or gap - half > 0
        folders[number] = folder
        history.append(iteration(number, folder, seen, Interval(value=gap, low=gap - half, high=gap + half), accepted))
        if accepted:
            best, best_seen = number, seen
            if true >= surface.top - NEAR:
                return Needed(number, sum(shares))
    return Needed(LIMIT, sum(shares))


def observation(history: list[Iteration], folders: dict[int, Path], best: int) -> Observation:
    files = [FileProfile(path=s.path, rows=100_000, malformed_rows=0, fields=[], samples=[]) for s in SPEC.raw_sources]
    model = ModelInfo(
        architecture="LlamaForCausalLM",
        parameters=10**8,
        layers=30,
        hidden_size=576,
        intermediate_size=1536,
        heads=9,
        key_value_heads=3,
        head_size=64,
        vocabulary=49152,
        context_length=2048,
        precision="float32",
    )
    return Observation(
        task=SPEC,
        raw_data=DataProfile(files=files),
        model=model,
        baseline=evaluation(10.0),
        train_rows_per_s=SPEED,
        evaluate_s=10.0,
        history=history,
        best=best,
        submissions=folders,
        remaining={"wall_s": WALL_S},
        warm_start=False,  # the surface knows configurations, not what a model has learned before
        seed=0,
    )


def evaluation(value: float) -> EvaluationFeedback:
    half = 1.96 * NOISE
    return EvaluationFeedback(
        score=Score(metric="accuracy", value=value, interval=(value - half, value + half), n=200),
        parsed=1.0,
        subtasks={},
        subtask_parsed={},
        errors={},
        metrics={},
        to_best=None,
        samples=[],
    )


def iteration(number: int, folder: Path, value: float, gap: Interval, accepted: bool) -> Iteration:
    spread = Distribution(p50=100, p95=100, max=100)
    submission = load(folder)
    rows = drafts.read(folder).recipe.max_rows
    feedback = Feedback(
        execution=ExecutionFeedback(seconds=StageSeconds(train=1, evaluate=1), reused=[], findings=[]),
        data=DataFeedback(
            rows=rows,
            duplicates=0,
            per_subtask={},
            top_completion_share=0.1,
            row_tokens=spread,
            label_tokens=spread,
            truncated_share=0.0,
        ),
        training=TrainingFeedback(
            steps=10,
            epochs=1,
            tokens_per_s=100,
            peak_memory_bytes=1,
            curve=[],
            train_loss=1.0,
            eval_loss=1.0,
            eval_curve=[],
            fit="good",
        ),
        evaluation=evaluation(value),
    )
    decision = Decision(accepted=accepted, difference=gap, reason="simulated")
    return Iteration(number=number, digests={}, plan=submission.plan, feedback=feedback, decision=decision)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    given = parser.parse_args()
    without = tuple(rule for rule in RULES if rule not in ATTRIBUTION)
    arms = {
        "neither": (without, 0),
        "attribution": (RULES, 0),
        "probes": (without, CANDIDATES),
        "both": (RULES, CANDIDATES),
    }
    found: dict[str, list[Needed]] = {name: [] for name in arms}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(given.seeds):
            for name, (rules, candidates) in arms.items():
                found[name].append(needed(rules, seed, Path(folder, name, str(seed)), candidates=candidates))
    told = {
        name: {
            "mean_runs": fmean(n.runs for n in took),
            "mean_probes": fmean(n.probes for n in took),
            "reached": sum(n.runs < LIMIT for n in took),
        }
        for name, took in found.items()
    }
    ours, peer = told["attribution"]["mean_runs"], told["neither"]["mean_runs"]
    for name, facts in told.items():
        print(
            f"{name:12} {facts['mean_runs']:5.1f} full runs and probes worth {facts['mean_probes']:4.1f} on average; "
            f"{facts['reached']} of {given.seeds} reached it"
        )
    print(f"neither / attribution: {peer / ours:.2f}")
    if given.json:
        summary = {"benchmark": "attribution", "seeds": given.seeds, "limit": LIMIT, "arms": told}
        print(json.dumps({**summary, "ours": ours, "peer": peer, "ratio": peer / ours}))


if __name__ == "__main__":
    main()
