"""Test items with what the base model and the best one answered, and a right answer: for the owner of a run alone.

They hold gold answers. They are written after the agent has stopped, into the folder of the sealed outputs, and nothing
that an agent is given leads there: no observation, no result, no tool of the server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ftdojo import digest
from ftdojo.contract.task_spec import Record
from ftdojo.disk import disk_errors
from ftdojo.episode.evaluation import Prediction
from ftdojo.episode.even_draw import rank_positions
from ftdojo.files import write_file
from ftdojo.plain import replace_surrogates
from ftdojo.schema import StrictModel
from ftdojo.tasks.spec import ItemScore, Task

COUNT = 10
CHARS = 1500
"""Characters of a question or an answer; longer ones are cut."""


class Answered(StrictModel):
    """What a model answered."""

    output: str
    score: float
    """In the metric's own unit before aggregation; 1 or 0 for accuracies."""


class Example(StrictModel):
    """A test item."""

    id: str
    subtask: str
    question: str
    right: str
    """An answer with the best score."""
    answers: dict[str, Answered]
    """``baseline`` and ``best`` -> its answer."""


_EXAMPLES = TypeAdapter(list[Example])


def choose_examples(
    task: Task,
    items: Sequence[Record],
    predictions: Mapping[str, Sequence[Prediction]],
    verdicts: Mapping[str, Sequence[ItemScore]],
) -> list[Example]:
    """Return :data:`COUNT` items, drawn at random, always the same ones, and as many of every sub-task.

    Args:
        task: supplies prompts and right answers.
        items: the test items.
        predictions: name of a model -> an output for each item.
        verdicts: name of a model -> a verdict on each item.
    """
    ranked = rank_positions([str(item.get("subtask", "")) for item in items])
    return [
        Example(
            id=str(items[place]["id"]),
            subtask=str(items[place].get("subtask", "")),
            question=_cut(task.question(items[place])),
            right=_cut(task.gold(items[place])),
            answers={
                name: Answered(output=_cut(outputs[place].output), score=verdicts[name][place].score)
                for name, outputs in predictions.items()
            },
        )
        for _, place in sorted(ranked, key=itemgetter(0))[:COUNT]
    ]


def write_examples(path: Path, examples: Sequence[Example]) -> str:
    """Write the examples to a file, and return its digest."""
    with disk_errors(path):
        write_file(path, _EXAMPLES.dump_json(list(examples), indent=1))
    return digest.of_file(path)


def read_examples(path: Path, recorded: str | None) -> list[Example]:
    """Return the examples of a run; none if it recorded none, or if the file is not the one that it wrote."""
    if recorded is None or not path.is_file() or digest.of_file(path) != recorded:
        return []
    try:
        return _EXAMPLES.validate_json(path.read_bytes(), extra="ignore")
    except ValidationError:  # of another build
        return []


def _cut(text: str) -> str:
    return replace_surrogates(text if len(text) <= CHARS else f"{text[:CHARS]} …")
