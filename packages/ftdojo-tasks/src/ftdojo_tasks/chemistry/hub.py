"""The published ChemCoTBench data: one reader for the four tasks.

Raw data is the folder of the task in ``ChemCoTDataset``, each file a JSON list, used unchanged. Items are the rows
of ``ChemCoTBench`` with the task's name and, per sub-task, shuffled and split as in the reference: the seeded
permutation of Hugging Face ``Dataset.shuffle(seed=42)``, of which the first ``min(100, n // 2)`` rows are validation
and the last as many are test.

Deviations from the reference:

- No query occurs twice: what is in test is dropped from validation, repetitions are dropped, and raw rows with the
  query of an item are left out of the raw data.
- An item's ``id`` is its sub-task and its place in the file, because published ids need not be unique.

Items whose published answer is wrong, which ``flaws.toml`` lists by their published ids, are scored like all others and
say so in ``flaw``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ftdojo.contract.task_spec import Record
from ftdojo.tasks.rows import write_jsonl
from ftdojo.tasks.spec import FLAW, HubSet, Sources, Variant
from ftdojo_tasks.chemistry.raw import ONLY_GENERATED
from ftdojo_tasks.chemistry.raw import ROOT as RAW_ROOT
from ftdojo_tasks.published import bad_rows, distinct, fault, known_flaws, link, read_json_list, shuffled, split

ACCESS = "log in to huggingface.co, accept the terms on the data set's page, and set HF_TOKEN"
RAW = HubSet(
    id="OpenMol/ChemCoTDataset",
    revision="d88a8af379ba4a7e79f58c04590ad037e79b06ba",
    licence="MIT by its card, CC BY 4.0 by the authors' repository",
    access=ACCESS,
)
BENCH = HubSet(
    id="OpenMol/ChemCoTBench",
    revision="4cfab96c6f511a504519e2cc003521b6afbac338",
    licence="MIT by its card, CC BY 4.0 by the authors' repository",
    access=ACCESS,
)
FLAWS = known_flaws(Path(__file__).with_name("flaws.toml"))
BENCH_ROOT = "chemcotbench"
RAW_FOLDERS = {"reaction": "rxn"}
"""Task -> folder of its raw files, where it is not called like the task."""


def variant(task: str, subtasks: Sequence[str]) -> Variant:
    """The hub edition of a task; ``subtasks`` are its views, in the order in which their items are written."""
    builder = partial(build, task=task, subtasks=tuple(subtasks))
    return Variant(build=builder, sets=(RAW, BENCH), without=ONLY_GENERATED)


def build(folder: Path, sources: Sources, *, task: str, subtasks: Sequence[str]) -> None:
    """Write ``raw/``, ``validation.jsonl`` and ``test.jsonl`` into ``folder``.

    Raises:
        InputError: if a file is not a list of rows, a row lacks a field, or a sub-task has too few rows.
    """
    rows = list(_benchmark(sources[BENCH.id] / BENCH_ROOT, task))
    validation: list[dict[str, Any]] = []
    test: list[dict[str, Any]] = []
    for subtask in subtasks:
        view = [_marked(row) for row in rows if row["subtask"] == subtask]
        if len(view) < 2:
            raise fault("too_few_rows", BENCH.id, f"{len(view)} rows of {task}/{subtask}", "fetch the data set again")
        first, last = split(shuffled([{**row, "id": f"{subtask}-{place:04}"} for place, row in enumerate(view)]))
        validation += first
        test += last
    test = distinct(test, _query)
    validation = distinct(validation, _query, map(_query, test))
    write_jsonl(folder / "validation.jsonl", validation)
    write_jsonl(folder / "test.jsonl", test)
    part = RAW_FOLDERS.get(task, task)
    queries = {_query(item) for item in (*validation, *test)}
    _take_raw(sources[RAW.id] / RAW_ROOT / part, folder / "raw" / RAW_ROOT / part, queries)


def _marked(row: dict[str, Any]) -> dict[str, Any]:
    """The row, with the reason if its publisher got it wrong."""
    reason = FLAWS.get(str(row.get("id")))
    return {**row, FLAW: reason} if reason else row


def _query(item: Record) -> str:
    return str(item["query"])


def _benchmark(root: Path, task: str) -> Iterator[dict[str, Any]]:
    """The benchmark's rows of one task, in the order of the files."""
    fields = ("query", "task", "subtask")
    for path in sorted(root.rglob("*.json")):
        rows = read_json_list(path)
        if bad := [n for n, row in enumerate(rows, start=1) if not all(isinstance(row.get(f), str) for f in fields)]:
            raise bad_rows(path.name, bad, f"has no text in one of the fields {', '.join(fields)}")
        yield from (row for row in rows if row["task"] == task)


def _take_raw(source: Path, target: Path, queries: set[str]) -> None:
    """Link the raw files of a task, or write those anew that hold a query of an item."""
    target.mkdir(parents=True)
    paths = sorted(source.glob("*.json"))
    if not paths:
        raise fault("missing_file", f"{RAW.id}: {RAW_ROOT}/{source.name}", "holds no JSON file", "fetch it again")
    for path in paths:
        rows = read_json_list(path)
        kept = [row for row in rows if row.get("query") not in queries]
        if len(kept) == len(rows):
            link(path, target / path.name)
        else:
            (target / path.name).write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", "utf-8")
