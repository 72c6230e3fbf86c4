"""How many effective iterations fit into a budget, with the gates and without? The embedded model, trained for real.

    python benchmarks/iterations.py [--budget 300] [--seed 0] [--faults rows tokens training time] [--json]

Both sides get the same stream of submissions on ``chemistry/mol_und`` and the same seconds. Two in five are faulty,
of the kinds that a loop without gates notices last, in equal shares:

- ``rows``: what the rows teach (constant answers, leaks, wrong forms …), from the fault corpus;
- ``tokens``: empty label masks, answers beyond the limit, from the corpus;
- ``training``: rates at which nothing is learned or the loss is lost, from the corpus;
- ``time``: a good submission of the corpus with a hundred epochs.

*With* gates a submission goes through the pipeline of a run. *Without*, its program is run, its rows are tokenized,
trained on to the end of its epochs and the model is evaluated on the same validation items. An iteration is effective
when a submission without fault was evaluated in time. What is under way when the time is up is not counted; a
training without gates whose first steps tell that it will be is not waited for.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from ftdojo import inference, models, sandbox, tasks
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.contract.submission import load
from ftdojo.data import TaskData, prepare, read_items
from ftdojo.episode.setting import Setting
from ftdojo.episode.stages import Stages
from ftdojo.errors import InputError
from ftdojo.gates import data_program
from ftdojo.record import Home
from ftdojo.tasks.spec import Task
from ftdojo.training import export, tokenize, trainer_of
from gates import CORPUS, expected

TASK = "chemistry/mol_und"
BLOCK, FAULTY = 5, 2
"""In every block of so many submissions, so many are faulty."""
PROGRAM_FAULTS = ("program_", "rows_", "no_rows")
"""Faults of gate 2 that end a program or a row's reading at once, with gates or without."""


def stream(seed: int, kinds: Sequence[str], scratch: Path) -> Iterator[tuple[str, Path]]:
    """Kind and folder of one submission after the other."""
    rng = random.Random(seed)
    told = {p.parent.name: expected(p.parent.name) for p in sorted(CORPUS.glob("*/expect.toml"))}
    here = {name: facts.get("gate") for name, facts in told.items() if facts["task"] == TASK}
    good = [name for name, gate in here.items() if gate is None]
    pools = {
        "rows": [name for name, gate in here.items() if gate == 2 and not name.startswith(PROGRAM_FAULTS)],
        "tokens": [name for name, gate in here.items() if gate == 3],
        "training": [name for name, gate in here.items() if gate == 4],
        "time": good,
    }
    faults: list[str] = []
    number = 0
    while True:
        block = [True] * FAULTY + [False] * (BLOCK - FAULTY)
        rng.shuffle(block)
        for faulty in block:
            faults = faults or rng.sample(list(kinds), len(kinds))
            kind = faults.pop() if faulty else "good"
            name = rng.choice(pools.get(kind, good))
            number += 1
            folder = scratch / f"{number:03d}-{name}"
            shutil.copytree(CORPUS / name, folder)
            if kind == "time":
                train = yaml.safe_load((folder / "train.yaml").read_text("utf-8"))
                (folder / "train.yaml").write_text(yaml.safe_dump({**train, "epochs": 100}), "utf-8")
            elif kind == "good":  # so that no iteration is a repetition, which a run would find in its store
                train = yaml.safe_load((folder / "train.yaml").read_text("utf-8"))
                (folder / "train.yaml").write_text(yaml.safe_dump({**train, "seed": number}), "utf-8")
            yield kind, folder


class Late:
    """Ends a training that will go on after a deadline, or has passed it: asked at every log of its curve."""

    FIRST, BY_FAR = 10, 2.0

    def __init__(self, deadline: float) -> None:
        self._deadline, self._begun = deadline, time.monotonic()

    def __call__(self, log: dict[str, float]) -> None:
        """Take one log.

        Raises:
            TimeoutError: if the training is late.
        """
        now = time.monotonic()
        needed = (now - self._begun) / log["step"] * log["steps"]
        by_far = log["step"] >= self.FIRST and needed > self.BY_FAR * (self._deadline - self._begun)
        if now > self._deadline or by_far:
            raise TimeoutError


def unguarded(folder: Path, task: Task, data: TaskData, base: Path, deadline: float) -> bool:
    """An iteration without gates; whether it ended in time.

    Raises:
        TimeoutError: if its training goes on after that.
    """
    from ftdojo.training.sft.trainer import train

    submission = load(folder)
    rows = data_program.run(
        submission.program,
        data.raw,
        trainer_of(submission.train),
        limit=task.spec.rules.max_rows,
        limits=sandbox.Limits(),
    ).rows
    examples = tokenize(rows, base, max_length=submission.train.max_length).examples
    if not examples:
        raise ValueError("nothing to learn")
    with tempfile.TemporaryDirectory() as scratch:
        weights, merged = Path(scratch, "weights"), Path(scratch, "merged")
        train(examples, submission.train, base, weights, on_log=Late(deadline))
        export(base, weights, merged)
        items = read_items(data.validation)
        engine = inference.TransformersEngine(merged)
        answers = engine.generate([task.prompt(i) for i in items], max_new_tokens=task.spec.max_new_tokens)
        task.scorer.score(items, [answer.text for answer in answers])
    return time.monotonic() <= deadline


def side(gated: bool, arguments: argparse.Namespace) -> dict[str, Any]:
    """Iterations of one side within the budget."""
    home = Home.default()
    base = models.resolve(models.EMBEDDED, home.root)
    variant, task = tasks.get(TASK).variant(None)
    data = prepare(task, variant, home)
    counted: Counter[str] = Counter()
    spent: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        stages = Stages(
            Setting.prepare(RunOptions(task=TASK, model=models.EMBEDDED), home=Home(Path(scratch, "home"))),
            progress=Silent(),
        )
        stages.baseline()  # a run has measured it before its first iteration
        deadline = time.monotonic() + arguments.budget
        for kind, folder in stream(arguments.seed, arguments.faults, Path(scratch)):
            begun, late = time.monotonic(), False
            try:
                if gated:
                    done = stages.run(folder, {"wall_s": deadline - begun}).predictions is not None
                else:
                    done = unguarded(folder, task, data, base, deadline)
            except (InputError, ValueError):
                done = False
            except TimeoutError:
                done, late = False, True
            in_time = time.monotonic() <= deadline and not late
            seconds = (time.monotonic() if in_time else deadline) - begun
            outcome = "effective" if done and in_time and kind == "good" else kind
            counted[outcome] += 1
            spent[outcome] += seconds
            print(
                f"{'gates' if gated else 'none':6} {seconds:6.1f} s  {folder.name}: {outcome}",
                file=sys.stderr,
                flush=True,
            )
            if not in_time:
                break
    return {"effective": counted["effective"], "submissions": counted.total(), "counts": counted, "seconds": spent}


def main() -> None:
    """Both sides, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=float, default=300.0, help="seconds for each side")
    parser.add_argument("--seed", type=int, default=0)
    kinds = ("rows", "tokens", "training", "time")
    parser.add_argument("--faults", nargs="+", choices=kinds, default=kinds, help="kinds of faults in the stream")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    sides = {name: side(name == "gates", arguments) for name in ("gates", "none")}
    for name, counted in sides.items():
        told = ", ".join(f"{kind} {n} ({counted['seconds'][kind]:.0f} s)" for kind, n in counted["counts"].items())
        print(f"{name:6} {counted['submissions']} submissions: {told}")
    ours, peer = sides["gates"]["effective"], sides["none"]["effective"]
    ratio = ours / peer if peer else None
    print(f"effective iterations in {arguments.budget:.0f} s: {ours} with gates, {peer} without, ratio {ratio}")
    if arguments.json:
        ran = {**vars(arguments), "cores": os.cpu_count(), "load": os.getloadavg()[0], "compute": str(models.compute())}
        print(
            json.dumps(
                {"benchmark": "iterations", "ours": ours, "peer": peer, "ratio": ratio, "sides": sides, "ran": ran}
            )
        )


if __name__ == "__main__":
    main()
