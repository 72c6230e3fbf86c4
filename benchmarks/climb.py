"""Does FT-Agent climb above a plain training, and is either above what needs no learning? On equal budgets.

    python benchmarks/climb.py [--tasks ID ...] [--seeds 0 1 2] [--budget 5m] [--out runs/climb] [--json]

``ft-agent`` with its playbook and ``single-shot`` (three passes over all rows that fit, the same learning rate) play
five generated tasks and the user's task of ``examples/support_tickets`` with every seed. Each pair of runs has the same
wall clock for training and evaluation. It is a contest of ``ftdojo bench``, so that it can be interrupted at any time:
the same command goes on. Printed, on test:

- of every task the base model, the best constant output, the best constant of every sub-task, a few-shot prompt of the
  base model, and the mean of both contestants, with whether FT-Agent is shown to be better (over items and seeds,
  corrected for the number of tasks);
- the mean gain of both (base model = 0, perfect = 1), their ratio, and the mean of the paired differences with its 95 %
  interval over tasks, each the mean over its seeds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from ftdojo import models, sandbox, tasks
from ftdojo.bench import Suite, leaderboard
from ftdojo.bench.leaderboard import Board
from ftdojo.contract.progress import Silent
from ftdojo.contract.result import RunResult, Score, TrivialAnswers
from ftdojo.data import prepare
from ftdojo.episode import trivial
from ftdojo.record import Home, Store
from ftdojo.stats import mean_over, normalized

OURS, PEER = "ft-agent", "single-shot"
TICKETS = str(Path(__file__).parents[1] / "examples/support_tickets")
TASKS = ["chemistry/mol_und", "math/aime25", "patent/pi4pc", "finance/financeiq", "table/fact_checking", TICKETS]
MODEL = "smollm2-135m"


@dataclass(frozen=True)
class Line:
    """One task: scores on test, in the metric's unit, and gains."""

    task: str
    metric: str
    base: Score
    constant: Score
    majority: Score
    few_shot: Score | None
    shots: int
    peer: Score
    """With an interval over items and seeds, as the one of :attr:`ours`."""
    ours: Score
    peer_gains: list[float]
    """One a seed, from the base model (0) to a perfect score (1)."""
    our_gains: list[float]
    verdict: int
    """1 if ours is shown to be better, -1 if worse, else 0."""

    @property
    def difference(self) -> float:
        """The mean over seeds of the paired differences of gain."""
        return fmean(ours - peer for ours, peer in zip(self.our_gains, self.peer_gains, strict=True))

    def __str__(self) -> str:
        few = "-" if self.few_shot is None else f"{_score(self.few_shot)}, {self.shots} examples"
        shown = {1: "better", 0: "not shown", -1: "worse"}[self.verdict]
        return (
            f"{self.task}, {self.metric}: base {_score(self.base)}; constant {_score(self.constant)}; by sub-task "
            f"{_score(self.majority)}; few-shot {few}; {PEER} {_score(self.peer)}; {OURS} {_score(self.ours)}; "
            f"difference of gain {self.difference:+.3f}, {shown}"
        )


def main() -> None:
    """Play what is missing and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="*", default=TASKS, help="ids or folders")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--budget", default="5m")
    parser.add_argument("--out", type=Path, default=Path("runs/climb"))
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    suite = write_suite(arguments.out, arguments.tasks, arguments.seeds, arguments.budget)
    command = [sys.executable, "-m", "ftdojo", "bench", str(suite), "--out", str(arguments.out), "--slots", "1"]
    if status := subprocess.run(command, stdout=sys.stderr, check=False).returncode:
        sys.exit(status)
    lines = [line for board in leaderboard(arguments.out).boards for line in read(board, arguments.out, suite)]
    if not lines:
        sys.exit("no task was finished by both contestants")
    found = summary(lines)
    for line in lines:
        print(line)
    interval = "" if found["interval"] is None else "[{:+.3f}, {:+.3f}] ".format(*found["interval"])
    print(
        f"mean gain: {OURS} {found['ours']:.3f}, {PEER} {found['peer']:.3f}, ratio {_ratio(found['ratio'])}; "
        f"difference {found['difference']:+.3f} {interval}over {len(lines)} tasks; "
        f"better on {found['better']}, worse on {found['worse']}"
    )
    if arguments.json:
        about = {"benchmark": "climb", "budget": arguments.budget, "seeds": arguments.seeds}
        print(json.dumps({**about, **found, "tasks": [asdict(line) for line in lines]}, default=Score.model_dump))


def write_suite(out: Path, played: Sequence[str], seeds: Sequence[int], budget: str) -> Path:
    """The file of the contest."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "climb.toml"
    named = [str(Path(task).absolute()) if Path(task).is_dir() else task for task in played]
    lines = [
        'name = "climb"',
        f"tasks = {json.dumps(named)}",
        f"models = {json.dumps([MODEL])}",
        f"agents = {json.dumps([PEER, OURS])}",
        f"seeds = {json.dumps(list(seeds))}",
        "[budgets.equal]",
        f"wall = {json.dumps(budget)}",
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def read(board: Board, out: Path, suite: Path) -> list[Line]:
    """The lines of a board: all tasks of one data variant."""
    given = {job.task_id: job.task for job in Suite.load(suite).jobs()}
    cells = {(cell.task, cell.contestant): cell for cell in board.cells}
    both = [pair for pair in board.pairs if {pair.ours, pair.theirs} == {OURS, PEER}]
    verdicts = {pair.task: pair.verdict * (1 if pair.ours == OURS else -1) for pair in both}
    lines = []
    for task in board.tasks:
        runs = {name: _gains(cells[task.id, name].runs, out, task.best_value) for name in (PEER, OURS)}
        seeds = sorted(runs[OURS].keys() & runs[PEER].keys())
        ours, peer = cells[task.id, OURS].score, cells[task.id, PEER].score
        if not seeds or ours is None or peer is None:
            continue
        easy = _trivial(given[task.id], board.variant)
        lines.append(
            Line(
                task=task.id,
                metric=task.metric,
                base=task.base,
                constant=easy.constant,
                majority=easy.majority,
                few_shot=easy.few_shot,
                shots=easy.shots,
                peer=peer,
                ours=ours,
                peer_gains=[runs[PEER][seed] for seed in seeds],
                our_gains=[runs[OURS][seed] for seed in seeds],
                verdict=verdicts.get(task.id, 0),
            )
        )
    return lines


def _gains(runs: dict[int, str], out: Path, best: float) -> dict[int, float]:
    """Seed -> gain on test of a finished run."""
    found = {}
    for seed, folder in runs.items():
        result = RunResult.model_validate_json((out / folder / "result.json").read_text("utf-8"))
        base, test = result.baseline.test, result.best.test
        if base is not None and test is not None:
            found[seed] = normalized(test.value, base=base.value, best=best)
    return found


def _trivial(name: str, variant: str) -> TrivialAnswers:
    """What needs no learning, on the items that the contest was decided on."""
    home = Home.default()
    _, task = tasks.get(name, runner=sandbox.run_user_code).variant(variant)
    data = prepare(task, variant, home)
    base = models.resolve(MODEL, home.root)
    return trivial.measure(task, data, base, Store(home.stages), Silent(), split="test").answers


def summary(lines: Sequence[Line]) -> dict[str, Any]:
    """The figures over all tasks."""
    ours, peer = (fmean(fmean(gains) for gains in side) for side in zip(*map(_both, lines), strict=True))
    over = mean_over([line.difference for line in lines]) if len(lines) > 1 else None
    return {
        "ours": ours,
        "peer": peer,
        "ratio": ours / peer if peer > 0 else None,
        "difference": fmean(line.difference for line in lines),
        "interval": (over.low, over.high) if over else None,
        "better": sum(line.verdict > 0 for line in lines),
        "worse": sum(line.verdict < 0 for line in lines),
    }


def _score(score: Score) -> str:
    low, high = score.interval
    return f"{score.value:.1f} [{low:.1f}, {high:.1f}]"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _both(line: Line) -> tuple[list[float], list[float]]:
    return line.our_gains, line.peer_gains


if __name__ == "__main__":
    main()
