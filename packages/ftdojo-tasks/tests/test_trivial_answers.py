"""No constant output comes far on generated data: a score above that has to be learned."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ftdojo import tasks
from ftdojo.contract.row import Row
from ftdojo.data import read_items
from ftdojo.episode import trivial
from ftdojo.tasks import raw_files
from ftdojo.tasks.check import training_pairs
from ftdojo.tasks.external import CodeRunner
from ftdojo.tasks.scoring import summarize
from ftdojo.tasks.spec import Task

SHARE = 0.30
"""Of the metric's range."""
EXCEPTIONS = {
    # The metric is F1 of finding errors and half of the steps have one: "always an error" finds all of them.
    "biology/err": 0.67,
    # Any improvement counts, and a long alkane is more lipophilic than every source, so it is right in all of "logp".
    "chemistry/mol_opt": 0.34,
}
"""Task -> its own share; each is a property of the benchmark's scorer that data cannot change."""
SAMPLES = {"table/visualization": (5, 8)}
"""Task -> how many outputs are tried, on how many items of a split: its scorer runs a program for each."""


def rows(task: Task, folder: Path) -> Iterator[Row]:
    """The answers of the raw rows, in the scorer's form."""
    for source in task.spec.raw_sources:
        if (path := folder / source.path).is_file():
            ways = {rendering.name: rendering for rendering in source.renderings}
            way = ways.get(trivial.ANSWER, source.renderings[0])
            for prompt, completion in training_pairs(way, list(raw_files.read(path))):
                yield Row(({"role": "user", "content": prompt},), completion, source.subtask)


@pytest.mark.parametrize("name", [name for name in tasks.ids() if "twin" in tasks.get(name).variants])
def test_the_best_constant_is_at_most_a_small_share_of_the_range(
    name: str, twins: Callable[[str], Path], runner: CodeRunner
) -> None:
    _, task = tasks.get(name, runner=runner).variant("twin")
    folder = twins(name)
    tried, asked = SAMPLES.get(name, (None, None))
    outputs = trivial.candidates(task, list(rows(task, folder / "raw")))[:tried]
    assert len(outputs) >= len(task.spec.shortcuts) > 0
    for split in ("validation", "test"):
        items = read_items(folder / f"{split}.jsonl")[:asked]
        values = [summarize(task, task.scorer.score(items, [output] * len(items))).value for output in outputs]
        best = max(values)
        assert best <= EXCEPTIONS.get(name, SHARE) * task.spec.best_value, outputs[values.index(best)]
