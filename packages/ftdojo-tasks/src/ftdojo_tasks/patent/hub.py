"""The published data of PANORAMA: ``TASK/train.parquet`` to learn from, ``TASK/test.parquet`` to be scored on.

Nested fields are structs or JSON text. Items are the test rows, shuffled and split as in the reference; the raw data is
the training file alone. The sets are split by application, so no training row is about the application of an item.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ftdojo.tasks.extract import from_json
from ftdojo.tasks.rows import write_jsonl
from ftdojo.tasks.spec import FLAW, Sources, Variant
from ftdojo_tasks.patent import noc4pc, par4pc, pi4pc
from ftdojo_tasks.patent.panorama import PANORAMA, target_claim
from ftdojo_tasks.published import Row, bad_rows, distinct, link, read_parquet, shuffled, split

FIELDS = {
    "PAR4PC": ("application_number", "claim_number", "context", "options", "gold_answers"),
    "PI4PC": ("application_number", "claim_number", "context", "prior_art_specification", "options", "gold_answers"),
    "NOC4PC": ("application_number", "claim_number", "context", "prior_art_specifications", "answer"),
}
"""Task -> fields that every item needs."""
PROMPTS = {"PAR4PC": par4pc.prompt, "PI4PC": pi4pc.prompt, "NOC4PC": noc4pc.prompt}

ANSWERS: dict[str, Callable[[Row], object]] = {
    "PAR4PC": lambda row: row["gold_answers"],
    "PI4PC": lambda row: row["gold_answers"],
    "NOC4PC": noc4pc.gold_code,
}
"""Task -> what is empty for an item that no answer can match; such items are left out."""


def variant(task: str) -> Variant:
    """The hub edition of a task."""
    return Variant(build=partial(build, task=task), sets=(PANORAMA,))


def build(folder: Path, sources: Sources, *, task: str) -> None:
    """Write ``raw/``, ``validation.jsonl`` and ``test.jsonl`` into ``folder``.

    Raises:
        InputError: for a file that is missing, or rows of another form.
    """
    root = sources[PANORAMA.id] / task
    rows = read_parquet(root / "test.parquet")
    if bad := [number for number, row in enumerate(rows, start=1) if not _is_whole(row, task)]:
        raise bad_rows(f"{task}/test.parquet", bad, f"lacks one of the fields {', '.join(FIELDS[task])}")
    named = [{**_marked(row), "id": f"{task}-{place:05}"} for place, row in enumerate(rows)]
    validation, test = split(shuffled(named))
    validation, test = ([row for row in part if ANSWERS[task](row)] for part in (validation, test))

    def question(row: Row) -> str:
        return str(PROMPTS[task](row)[0]["content"])

    test = distinct(test, question)
    validation = distinct(validation, question, map(question, test))
    write_jsonl(folder / "validation.jsonl", validation)
    write_jsonl(folder / "test.jsonl", test)
    link(root / "train.parquet", folder / "raw" / task / "train.parquet")


def _is_whole(row: Row, task: str) -> bool:
    context = from_json(row.get("context"))
    return isinstance(context, dict) and bool(context) and all(row.get(field) is not None for field in FIELDS[task])


def _marked(row: Row) -> Row:
    """The row, with the reason where its claims hold none of its number. The reference asks such items, too."""
    return row if target_claim(row) else {**row, FLAW: "none of the claims has the number that is asked for"}
