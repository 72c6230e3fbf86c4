"""What is worth more once supervised training has levelled off: more of it, the model's own right answers, rewards for
its answers, or pairs?

    python benchmarks/beyond_sft.py [--tasks tickets mol_und financeiq] [--seeds 0 1 2] [--first 600] [--added 600]
        [--arms more "own answers" grpo dpo] [--model NAME] [--out runs/beyond-sft] [--home FOLDER] [--json]

For each task and seed, a model is trained on right answers for about ``--first`` seconds. From its weights, trainings
of about ``--added`` seconds each go on, sampling included:

- ``more``: more of the same training.
- ``own answers``: half of the time the model answers raw rows four times; then it learns its right answers. Rows
  without a right one keep theirs.
- ``grpo``: it answers raw rows in groups, and learns from the scores of its answers.
- ``dpo``: a quarter of the time it answers raw rows once; then it learns from pairs of the right and its wrong answer.

The last two only on the tickets: the benchmark tasks allow neither rewards nor preferences.

Sizes follow from the speed of the first training, so the seconds that each one took are printed, too. Of each arm the
score on validation and its paired difference to ``more`` are printed, per seed and as a mean with Student's t interval
over seeds; before the arms, how often four samples of the first model are right (pass@4 and pass@1) on raw rows, and
after an arm the same of its model, if it was accepted. The runs are resumed by the same command. With the first few
arms alone, it prints what there is; the others can follow.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ftdojo import tasks
from ftdojo.agents import practice
from ftdojo.agents.draft import Draft, Proposal, first, read
from ftdojo.contract.feedback import SampledRows
from ftdojo.contract.methods import parse_config
from ftdojo.contract.options import RunOptions
from ftdojo.contract.protocol import Iteration, Observation
from ftdojo.contract.submission import Plan
from ftdojo.contract.train_config import WeightsConfig
from ftdojo.episode import Dojo
from ftdojo.record import Home
from ftdojo.stats import mean_over, paired_difference
from sequential import recorded

TICKETS = Path(__file__).parents[1] / "examples/support_tickets"
ITEMS: dict[str, dict[str, str]] = {
    "tickets": {},
    "chemistry/mol_und": {"gt": "(meta | from_json)['gt']"},
    "finance/financeiq": {"answer": "Answer", "question": "Question", **{name: name for name in "ABCD"}},
}
"""Task -> the fields of an item in terms of a raw row; none where the row itself is the item."""
NAMES = {name.rpartition("/")[2]: name for name in ITEMS}
MORE, OWN, GRPO, DPO = "more", "own answers", "grpo", "dpo"
ARMS = {"tickets": (MORE, OWN, GRPO, DPO), "mol_und": (MORE, OWN), "financeiq": (MORE, OWN)}
SAMPLING_SHARE = {OWN: 0.5, DPO: 0.25}
SAMPLES = {OWN: practice.SAMPLES, DPO: 1}
LEAST_ROWS = 64
HOURS = 1000.0


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One training that went on from the first one."""

    task: str
    seed: int
    name: str
    seconds: float
    """Of data and training together."""
    before: float
    after: float
    to_more: tuple[float, float, float] | None
    """Paired difference to the arm ``more`` on the same items, in the metric's unit, with its 95 % interval."""
    first_model: SampledRows | None
    model: SampledRows | None


def main() -> None:
    """Make what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="*", default=list(NAMES), choices=list(NAMES))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--first", type=float, default=600, help="seconds of the first training")
    parser.add_argument("--added", type=float, default=600, help="seconds of each arm")
    parser.add_argument("--arms", nargs="*", default=[MORE, OWN, GRPO, DPO], choices=[MORE, OWN, GRPO, DPO])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--out", type=Path, default=Path("runs/beyond-sft"))
    parser.add_argument("--home", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    home = Home(given.home) if given.home else Home.default()
    arms = [arm for task in given.tasks for seed in given.seeds for arm in play(given, home, task, seed)]
    for arm in arms:
        gap = "" if arm.to_more is None else "  to more {:+.1f} [{:+.1f}, {:+.1f}]".format(*arm.to_more)
        drawn = f"  pass@1 and pass@k: before {_passes(arm.first_model)}, after {_passes(arm.model)}"
        print(
            f"{arm.task:20} seed {arm.seed}  {arm.name:12} {arm.seconds:6.0f} s  {arm.before:5.1f} -> "
            f"{arm.after:5.1f}{gap}{drawn}"
        )
    for task in given.tasks:
        for name in (OWN, GRPO, DPO):
            gaps = [a.to_more[0] for a in arms if (a.task, a.name) == (NAMES[task], name) and a.to_more is not None]
            if len(gaps) > 1:
                mean = mean_over(gaps)
                print(f"{NAMES[task]:20} {name}: {mean.value:+.1f} [{mean.low:+.1f}, {mean.high:+.1f}] to more")
    if given.json:
        print(json.dumps([asdict(arm) | {"first_model": None, "model": None} for arm in arms]))


def _passes(found: SampledRows | None) -> str:
    return "-" if found is None else f"{found.pass_1:.0%}, {found.pass_k:.0%}"


def play(given: argparse.Namespace, home: Home, short: str, seed: int) -> list[Arm]:
    """The arms of one task and seed, made now or before."""
    task, names = NAMES[short], [name for name in ARMS[short] if name in given.arms]
    folder: Path = given.out / f"{task.replace('/', '-')}-{seed}"
    named = str(_with_methods(given.out / "support_tickets")) if task == "tickets" else task
    options = RunOptions(
        task=named, model=given.model, agent="beyond-sft", teachers="self", seed=seed, wall_s=HOURS * 3600
    )
    with Dojo(options, folder / "run", home=home) as dojo:
        seen = dojo.reset()
        while len(seen.history) <= len(names):
            number = len(seen.history)
            draft = _first(seen, given.first) if not number else _arm(seen, names[number - 1], given.added, ITEMS[task])
            plan = Plan(parent=min(number, 1), hypothesis="first", evidence=[], focus="both", changes=[])
            work = folder / "work" / str(number)
            Proposal(plan, draft).write(work)
            seen = dojo.step(work)
            if not seen.history[0].accepted:
                raise SystemExit(f"{task}, seed {seed}: the first training is not shown to be better than the base")
        dojo.pause()
    return _read(task, seed, names, seen.history, folder / "run", home)


def _with_methods(folder: Path) -> Path:
    """A copy of the tickets that allows rewards and preferences."""
    if not folder.is_dir():
        shutil.copytree(TICKETS, folder)
        with (folder / "task.toml").open("a", encoding="utf-8") as file:
            file.write('\n[rules]\nmethods = ["lora", "grpo", "dpo"]\n')
    return folder.absolute()


def _first(seen: Observation, seconds: float) -> Draft:
    """A plain training of about ``seconds``: all rows once before any row twice, at most four times."""
    passes = seconds * seen.train_rows_per_s
    rows = min(seen.task.rules.max_rows, sum(file.rows for file in seen.raw_data.files))
    size = practice.size_training(rows, practice.REPEATS, passes)
    keys = {
        "learning_rate": practice.learning_rate(seen.model.hidden_size, adapters=True),
        "epochs": size.epochs,
        "batch_size": practice.SMALL_BATCH,
        "max_length": min(1024, seen.model.context_length),
        "schedule": practice.FALLING,
        "warmup_ratio": practice.warmup_ratio(size.rows * size.epochs),
    }
    return first(seen.task, rows=size.rows, seed=seen.seed, train=keys)


def _arm(seen: Observation, name: str, seconds: float, item: dict[str, str]) -> Draft:
    """A training that goes on from the first one for about ``seconds``, sampling included."""
    begun = seen.history[0].feedback
    assert begun.training is not None
    assert begun.data is not None
    speed = begun.data.rows * begun.training.epochs / begun.training.seconds
    answer_s = seen.evaluate_s / seen.baseline.score.n
    base = read(seen.submissions[1])
    if name == GRPO:
        return _rewarded(seen, base, int(seconds / (practice.GROUP * (1 / speed + answer_s))), item)
    sampling_s = SAMPLING_SHARE.get(name, 0.0) * seconds
    passes = (seconds - sampling_s) * speed / (2 if name == DPO else 1)
    rows = base.recipe.max_rows
    if name in SAMPLES:
        rows = max(LEAST_ROWS, min(rows, int(sampling_s / (SAMPLES[name] * answer_s))))
    sources = [{**source.model_dump(), "item": item} for source in base.recipe.sources]
    sample: dict[str, Any] = {"samples": SAMPLES.get(name, 0), "model": "start", "max_tokens": seen.task.max_new_tokens}
    data = base.with_recipe(
        sources=sources,
        max_rows=rows,
        sample=sample | ({"keep": 0} if name == DPO else {}),
        pairs="sample" if name == DPO else "none",
    )
    shared = {
        "start": 1,
        "epochs": round(max(0.1, passes / rows), 2),
        "schedule": practice.FALLING,
        "warmup_ratio": practice.warmup_ratio(max(1.0, passes)),
        "seed": seen.seed + 1,
    }
    if name != DPO:
        rate = base.train.learning_rate * practice.CONTINUED_RATES[1]
        return Draft(data.program, base.with_train(**shared, learning_rate=rate).train)
    keys = {
        "method": "dpo",
        "learning_rate": base.train.learning_rate * practice.PREFERENCE_RATE,
        "batch_size": base.train.batch_size,
        "sft_weight": practice.PREFERENCE_SFT,
        **shared,
    }
    return Draft(data.program, _train(base, keys))


def _rewarded(seen: Observation, base: Draft, prompts: int, item: dict[str, str]) -> Draft:
    """A training on rewards of so many prompts."""
    sources = [{**source.model_dump(), "item": item} for source in base.recipe.sources]
    data = base.with_recipe(sources=sources, max_rows=max(practice.PROMPTS, prompts), items=True)
    keys = {
        "method": "grpo",
        "start": 1,
        "learning_rate": base.train.learning_rate * practice.REWARD_RATE,
        "schedule": practice.FALLING,
        "epochs": 1.0,
        "group_size": practice.GROUP,
        "batch_size": 1,
        "gradient_accumulation": practice.PROMPTS,
        "seed": seen.seed + 1,
    }
    return Draft(data.program, _train(base, keys))


def _train(base: Draft, keys: dict[str, Any]) -> WeightsConfig:
    """The configuration of another method, for the weights that the first training trained."""
    train = parse_config({"weights": base.train.kind, "max_length": base.train.max_length, **keys}, where="train")
    assert isinstance(train, WeightsConfig)
    return train


def _read(task: str, seed: int, names: Sequence[str], history: Sequence[Iteration], run: Path, home: Home) -> list[Arm]:
    """What came of the arms."""
    models = recorded([run], home)[str(run)]
    named = str(_with_methods(run.parents[1] / "support_tickets")) if task == "tickets" else task
    scale = tasks.get(named).spec.best_value
    begun = history[0]
    assert begun.score is not None
    verdicts = dict(zip([i.number for i in history if i.score is not None], models[1:], strict=True))
    strata = [verdict.subtask for verdict in models[0]]
    arms = []
    for name, done in zip(names, history[1:], strict=False):
        if done.score is None:
            print(f"{task}, seed {seed}, {name}: {done.verdict}")
            continue
        gap = None
        if name != MORE and 2 in verdicts:
            scores = [[v.score for v in verdicts[number]] for number in (done.number, 2)]
            made = paired_difference(*scores, strata)
            gap = tuple(scale * part for part in (made.value, made.low, made.high))
        took = done.feedback.execution.seconds
        arms.append(
            Arm(
                task=task,
                seed=seed,
                name=name,
                seconds=took.data + took.train,
                before=begun.score.value,
                after=done.score.value,
                to_more=gap,
                first_model=begun.feedback.headroom,
                model=done.feedback.headroom,
            )
        )
    return arms


if __name__ == "__main__":
    main()
