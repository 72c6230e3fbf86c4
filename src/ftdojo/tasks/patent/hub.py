"""The published data of PANORAMA: ``TASK/train.parquet`` to learn from, ``TASK/test.parquet`` to be scored on.

Nested fields are structs or JSON text. Items are the test rows, shuffled and split as in the reference; the raw data is
the training file alone. The sets are split by application, so no training row is about the application of an item.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ftdojo.tasks.patent import noc4pc, par4pc, pi4pc
from ftdojo.tasks.patent.panorama import PANORAMA
from ftdojo.tasks.published import Row, bad_rows, distinct, link, read_parquet, shuffled, split
from ftdojo.tasks.rows import write_jsonl
from ftdojo.tasks.spec import Sources, Variant

FIELDS = {
    "PAR4PC": ("application_number", "claim_number", "context", "options", "gold_answers"),
    "PI4PC": ("application_number", "claim_number", "context", "prior_art_specification", "options", "gold_answers"),
    "NOC4PC": ("application_number", "claim_number", "context", "prior_art_specifications", "answer"),
}
"""Task -> fields that every item needs."""
PROMPTS = {"PAR4PC": par4pc.prompt, "PI4PC": pi4pc.prompt, "NOC4PC": noc4pc.prompt}


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
    if bad := [number for number, row in enumerate(rows, start=1) if any(row.get(f) is None for f in FIELDS[task])]:
        raise bad_rows(f"{task}/test.parquet", bad, f"lacks one of the fields {', '.join(FIELDS[task])}")
    validation, test = split(shuffled([{**row, "id": f"{task}-{place:05}"} for place, row in enumerate(rows)]))
    if task == "NOC4PC":
        validation, test = ([row for row in part if noc4pc.gold_code(row)] for part in (validation, test))

    def question(row: Row) -> str:
        return PROMPTS[task](row)[0]["content"]

    test = distinct(test, question)
    validation = distinct(validation, question, map(question, test))
    write_jsonl(folder / "validation.jsonl", validation)
    write_jsonl(folder / "test.jsonl", test)
    link(root / "train.parquet", folder / "raw" / task / "train.parquet")
