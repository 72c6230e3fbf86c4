"""What the generated data of every task gives without learning: constants, and a few-shot prompt of the base model.

    python benchmarks/trivial.py [--tasks chemistry/mol_und ...] [--few-shot] [--json]

Constants are chosen on validation from the answers of the training rows and the documented shortcuts
(:mod:`ftdojo.episode.trivial`): *constant* is the best one for all items, *majority* the best one of every sub-task.
Both are scored on validation and on test. ``--few-shot`` also measures the base model on test, without examples and
with as many as fit, which takes minutes a task.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass

from ftdojo import inference, models, sandbox, tasks
from ftdojo.contract.progress import Silent
from ftdojo.data import TaskData, prepare, read_items
from ftdojo.episode import evaluation, trivial
from ftdojo.episode.predict import predict
from ftdojo.record import Home, Store
from ftdojo.tasks.scoring import by_subtask, summarize
from ftdojo.tasks.spec import Task

MODEL = "smollm2-135m"


@dataclass(frozen=True)
class Line:
    """One task, in the unit of its metric."""

    task: str
    metric: str
    best: float
    """The metric's best value."""
    constant: tuple[float, float]
    """On validation and on test."""
    majority: tuple[float, float]
    subtasks: dict[str, float]
    """Sub-task -> its best constant on validation."""
    base: float | None
    few_shot: float | None
    shots: int

    def __str__(self) -> str:
        constant, majority = (f"{validation:.1f} / {test:.1f}" for validation, test in (self.constant, self.majority))
        base, few = ("-" if value is None else f"{value:.1f}" for value in (self.base, self.few_shot))
        parts = ", ".join(f"{name} {value:.0f}" for name, value in self.subtasks.items() if len(self.subtasks) > 1)
        cells = (
            self.task,
            self.metric,
            base,
            constant,
            majority,
            f"{few} ({self.shots})" if self.shots else few,
            parts,
        )
        return f"| {' | '.join(cells)} |"


def constants(task: Task, data: TaskData) -> tuple[tuple[float, float], tuple[float, float], dict[str, float]]:
    """The best constant and the best one of every sub-task, on validation and on test; the latter by sub-task."""
    chosen = trivial.choose(
        task, read_items(data.validation), trivial.candidates(task, trivial.training_rows(task.spec, data))
    )
    whole, majority, subtasks = [], [], {}
    for path in (data.sealed_test, data.validation):
        items = read_items(path)
        parts = task.scorer.score(items, [chosen.output(item) for item in items])
        subtasks = {name: summarize(task, group).value for name, group in by_subtask(parts).items()}
        whole.insert(0, summarize(task, task.scorer.score(items, [chosen.whole] * len(items))).value)
        majority.insert(0, summarize(task, parts).value)
    return (whole[0], whole[1]), (majority[0], majority[1]), subtasks


def measure(name: str, home: Home, *, few_shot: bool) -> Line:
    """The line of one task."""
    variant, task = tasks.get(name, runner=sandbox.run_user_code).variant("twin")
    data = prepare(task, variant, home)
    whole, majority, subtasks = constants(task, data)
    base = few = None
    shots = 0
    if few_shot:
        folder, store = models.resolve(MODEL, home.root), Store(home.stages)
        _, records, outputs = predict(
            task,
            data.sealed_test,
            lambda: inference.open_engine(inference.TRANSFORMERS, folder),
            models.digest(folder),
            store,
            Silent(),
            label="base model",
        )
        base = summarize(task, evaluation.scores(task, records, outputs)).value
        answers = trivial.measure(task, data, folder, store, Silent(), split="test").answers
        few, shots = (answers.few_shot.value if answers.few_shot else None), answers.shots
    spec = task.spec
    return Line(spec.id, spec.metric, spec.best_value, whole, majority, subtasks, base, few, shots)


def main() -> None:
    """Measure the tasks one after another and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="*", default=[t for t in tasks.ids() if "twin" in tasks.get(t).variants])
    parser.add_argument("--few-shot", action="store_true", help="measure the base model, too")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    home, lines = Home.default(), []
    print("| task | metric | base | constant | majority | few-shot (examples) | majority by sub-task |")
    print("|---|---|---|---|---|---|---|")
    for name in arguments.tasks:
        lines.append(measure(name, home, few_shot=arguments.few_shot))
        print(lines[-1], flush=True)
    if arguments.json:
        print(json.dumps({"benchmark": "trivial", "tasks": [asdict(line) for line in lines]}))


if __name__ == "__main__":
    main()
