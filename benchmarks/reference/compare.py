"""Does ftdojo score as the reference harness does? Both score the same outputs; differences are documented or printed.

    python benchmarks/reference/compare.py FOLDER [--pairs 30000] [--seed 0] [--tasks ID ...] [--show 5]

FOLDER is a checkout of the reference (README.md in this folder says which). Items are those of the generated data. A
pair is an item and an output; the pairs follow from the seed. Compared are our metrics over that one item with the
reference's, and then the metrics over all pairs of a sub-task on which both agree. A difference is documented if an
entry of ``differences.toml`` is about the task, the metric and the output. Exits with 1 if one is not.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import COMMIT, SCORERS, VALUE, Harness, Metrics, Record, Rows
from pairs import Pair, make_pairs

from ftdojo import sandbox, tasks
from ftdojo.data import prepare, read_items
from ftdojo.record import Home
from ftdojo.tasks.spec import ItemScore, Task

TOLERANCE = 1e-4
"""Of a metric. Our ROUGE-L is rounded to six digits, as its library adds an epsilon."""
SLOW = {"table/visualization": 0.05, "chemistry/mol_opt": 0.4}
"""Task -> its share of the pairs of another task: every chart of the reference is a process of its own, and it searches
for the largest common part of two scaffolds."""


@dataclass(frozen=True)
class Kind:
    """A documented difference, as ``differences.toml`` has it."""

    name: str
    tasks: tuple[str, ...]
    output: re.Pattern[str]
    """Found in the output."""
    reason: str
    subtasks: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    """Without any, all metrics."""
    raises: str = ""
    """The reference ends with this error."""

    def covers(self, found: Difference, metric: str) -> bool:
        """Whether the difference in a metric is of this kind."""
        return (
            found.task in self.tasks
            and found.raised == self.raises
            and (not self.subtasks or found.subtask in self.subtasks)
            and (not self.metrics or metric in self.metrics)
            and self.output.search(found.pair.output) is not None
        )


@dataclass(frozen=True)
class Difference:
    """A pair that the two score differently."""

    task: str
    subtask: str
    pair: Pair
    metrics: dict[str, tuple[float, float]]
    """Name -> ours and theirs."""
    raised: str = ""
    """The name of the error that the reference's scorer ended with."""


@dataclass
class Count:
    """What was found of one task."""

    pairs: int = 0
    right: int = 0
    """Pairs of which our score is above 0."""
    agree: int = 0
    documented: Counter[str] = field(default_factory=Counter)
    open: list[Difference] = field(default_factory=list)
    """Differences that no entry is about."""
    aggregates: int = 0
    """Compared metrics over pairs that agree."""
    wrong: list[str] = field(default_factory=list)
    """Those of them that differ."""


def read_kinds() -> list[Kind]:
    """The documented differences."""
    entries = tomllib.loads(Path(__file__).with_name("differences.toml").read_text("utf-8"))["difference"]
    return [
        Kind(
            name=entry["kind"],
            output=re.compile(entry.get("output", ""), re.DOTALL),
            reason=entry["reason"],
            raises=entry.get("raises", ""),
            **{name: tuple(entry.get(name, ())) for name in ("tasks", "subtasks", "metrics")},
        )
        for entry in entries
    ]


def ours(task: Task, scores: Sequence[ItemScore], names: Sequence[str]) -> Metrics:
    """Our metrics over some verdicts, or sums of what the verdicts have. What nothing can be said about is 0."""
    known = {VALUE: task.scorer.value(scores), **task.scorer.metrics(scores)}
    return {name: known.get(name, sum(score.metrics.get(name, 0.0) for score in scores)) for name in names}


def differing(mine: Metrics, theirs: Metrics) -> dict[str, tuple[float, float]]:
    """The metrics that differ."""
    return {name: (mine[name], theirs[name]) for name in theirs if not abs(mine[name] - theirs[name]) <= TOLERANCE}


def compare_pair(
    harness: Harness, task: Task, subtask: str, row: Record, pair: Pair, score: ItemScore
) -> Difference | None:
    """The difference between the two on one output, if there is one."""
    name = task.spec.id
    try:
        theirs = harness.score(name, subtask, Rows([row]), [pair.output])
    except Exception as error:  # noqa: BLE001 - whatever the reference's scorer raises is a finding
        return Difference(name, subtask, pair, {}, type(error).__name__)
    found = differing(ours(task, [score], list(theirs)), theirs)
    return Difference(name, subtask, pair, found) if found else None


def explain(found: Difference, kinds: Sequence[Kind]) -> set[str]:
    """The documented kinds that a difference is of; none if one of its metrics is of no kind."""
    names = [next((kind.name for kind in kinds if kind.covers(found, metric)), "") for metric in found.metrics or [""]]
    return set(names) if all(names) else set()


def measure(harness: Harness, name: str, pairs: int, kinds: Sequence[Kind], seed: int) -> Count:
    """Compare one task."""
    _, task = tasks.get(name, runner=sandbox.run_user_code).variant("twin")
    data = prepare(task, "twin", Home.default())
    items = read_items(data.validation) + read_items(data.sealed_test)
    random.Random(seed).shuffle(items)
    made = make_pairs(task, items, pairs, random.Random(f"{seed} {name}"))
    scores = task.scorer.score([pair.item for pair in made], [pair.output for pair in made])
    count = Count()
    for subtask, chosen in _by_subtask(made):
        group = [made[number] for number in chosen]
        rows = harness.rows(name, subtask, [pair.item for pair in group])
        agreeing = []
        for place, number in enumerate(chosen):
            count.pairs += 1
            count.right += scores[number].score > 0
            found = compare_pair(harness, task, subtask, rows[place], group[place], scores[number])
            if found is None:
                count.agree += 1
                agreeing.append(place)
            elif explained := explain(found, kinds):
                count.documented.update(explained)
            else:
                count.open.append(found)
        if agreeing:
            theirs = harness.score(
                name, subtask, Rows(rows[place] for place in agreeing), [group[place].output for place in agreeing]
            )
            mine = ours(task, [scores[chosen[place]] for place in agreeing], list(theirs))
            count.aggregates += len(theirs)
            count.wrong += [
                f"{name} {subtask} {metric}: {a} and {b}" for metric, (a, b) in differing(mine, theirs).items()
            ]
    return count


def _by_subtask(pairs: Sequence[Pair]) -> Iterator[tuple[str, list[int]]]:
    names = list(dict.fromkeys(str(pair.item.get("subtask") or "") for pair in pairs))
    for name in names:
        yield name, [n for n, pair in enumerate(pairs) if str(pair.item.get("subtask") or "") == name]


def show(found: Difference) -> None:
    """Print a difference."""
    what = f"the reference raises {found.raised}" if found.raised else ""
    values: dict[str, Any] = {name: f"{a:g} here, {b:g} there" for name, (a, b) in found.metrics.items()}
    print(f"  {found.task} {found.subtask} [{found.pair.form}] {what}{values or ''}")
    print(f"    item {found.pair.item['id']}, output {json.dumps(found.pair.output, ensure_ascii=False)[:600]}")


def main() -> None:
    """Compare the tasks and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help=f"a checkout of the reference at {COMMIT[:8]}")
    parser.add_argument("--pairs", type=int, default=30_000, help="of all tasks together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tasks", nargs="+", default=list(SCORERS), choices=list(SCORERS), metavar="ID")
    parser.add_argument("--show", type=int, default=5, help="of undocumented differences, by task")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    harness, kinds = Harness(arguments.folder), read_kinds()
    each = arguments.pairs / sum(SLOW.get(name, 1.0) for name in SCORERS)
    counts: dict[str, Count] = {}
    for name in arguments.tasks:
        pairs = round(each * SLOW.get(name, 1.0))
        count = counts[name] = measure(harness, name, pairs, kinds, arguments.seed)
        print(
            f"{name:26} {count.pairs:6,} pairs, {count.right:5,} not wrong  {count.agree:6,} agree  "
            f"{count.pairs - count.agree - len(count.open):5,} documented  {len(count.open):4,} undocumented  "
            f"{count.aggregates - len(count.wrong)} of {count.aggregates} aggregates equal",
            flush=True,
        )
        for difference in count.open[: arguments.show]:
            show(difference)
        for line in count.wrong:
            print(f"  over all pairs that agree: {line}")
    documented = sum((count.documented for count in counts.values()), Counter[str]())
    print("\nDocumented differences (differences.toml):")
    for kind in kinds:
        print(f"  {documented[kind.name]:5,}  {kind.name}")
    undocumented = sum(len(count.open) + len(count.wrong) for count in counts.values())
    total, agree = (sum(getattr(count, name) for count in counts.values()) for name in ("pairs", "agree"))
    explained = total - agree - sum(len(count.open) for count in counts.values())
    print(f"\n{total:,} pairs: {agree:,} agree, {explained:,} documented, {undocumented:,} undocumented")
    if arguments.json:
        result = {"pairs": total, "agree": agree, "documented": dict(documented), "undocumented": undocumented}
        print(json.dumps({"benchmark": "reference", "seed": arguments.seed, **result}))
    raise SystemExit(1 if undocumented else 0)


if __name__ == "__main__":
    main()
