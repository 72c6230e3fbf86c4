"""The published data: TableInstruct to learn from, TableBench to validate and test with.

Layouts: ``TableInstruct_instructions.jsonl`` has text fields only, the table as JSON text; ``TableBench_TCoT.jsonl``
has the table as an object or, in older editions, as JSON text. The views of a task are its rows of one question type,
in data analysis of one sub-type; each is shuffled and split as in the reference, and then items whose answer cannot be
read are left out. A record is in one place only: a raw
row with the question and the table of an item is left out of the raw data.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from ftdojo.contract.task_spec import Record
from ftdojo.tasks.rows import read_jsonl, scan_jsonl, write_jsonl
from ftdojo.tasks.spec import Sources, Variant
from ftdojo_tasks.published import bad_rows, distinct, fault, link, shuffled, split
from ftdojo_tasks.table import data_analysis, raw, visualization
from ftdojo_tasks.table.prompt import content

BENCH_FILE = "TableBench_TCoT.jsonl"
TEXTS = ("qtype", "qsubtype", "question", "answer", "instruction")


def variant(qtype: str) -> Variant:
    """The hub edition of the task on a question type."""
    return Variant(build=partial(build, qtype=qtype), sets=(raw.INSTRUCT, raw.BENCH))


def build(folder: Path, sources: Sources, *, qtype: str) -> None:
    """Write ``raw/``, ``validation.jsonl`` and ``test.jsonl`` into ``folder``.

    Raises:
        InputError: for a file that is missing, rows of another form, or a view with too few rows.
    """
    views: dict[str, list[dict[str, Any]]] = {}
    for row in _benchmark(sources[raw.BENCH.id] / BENCH_FILE):
        if row["qtype"] == qtype:
            subtask = (
                data_analysis.VIEWS.get(row["qsubtype"], data_analysis.OTHER) if qtype == data_analysis.QTYPE else ""
            )
            views.setdefault(subtask, []).append({**row, "subtask": subtask})
    if not views:
        raise fault("too_few_rows", BENCH_FILE, f"has no rows with qtype {qtype}")
    validation: list[dict[str, Any]] = []
    test: list[dict[str, Any]] = []
    for subtask, rows in sorted(views.items()):
        named = [{**row, "id": f"{subtask or qtype}-{place:04}"} for place, row in enumerate(rows)]
        first, last = split(shuffled(named))
        validation += filter(_can_be_right, first)
        test += filter(_can_be_right, last)
    test = distinct(test, _record)
    validation = distinct(validation, _record, map(_record, test))
    write_jsonl(folder / "validation.jsonl", validation)
    write_jsonl(folder / "test.jsonl", test)
    _take_raw(sources[raw.INSTRUCT.id] / raw.FILE, folder / "raw" / raw.FILE, set(map(_record, (*validation, *test))))


def _benchmark(path: Path) -> list[dict[str, Any]]:
    rows = read_jsonl(path)
    bad = []
    for number, row in enumerate(rows, start=1):
        try:
            row["table"] = content(row.get("table"))
        except ValueError:
            bad.append(number)
        else:
            if not all(isinstance(row.get(name), str) for name in TEXTS):
                bad.append(number)
    if bad:
        raise bad_rows(path.name, bad, f"has no table, or no text in one of the fields {', '.join(TEXTS)}")
    return rows


def _can_be_right(row: Record) -> bool:
    """Whether the answer to a chart question can be read; no program can match one that cannot."""
    if row["qtype"] != visualization.QTYPE:
        return True
    try:
        visualization.references(row["answer"])
    except ValueError:
        return False
    return True


def _record(row: Record) -> str:
    """What makes two rows the same: the question and the texts of the table's cells, without regard to white space and
    case. Older editions have numbers where newer ones have text."""
    table = content(row["table"])
    cells = [table["columns"], *table["data"]]
    return json.dumps(
        [_plain(row["question"]), [[_plain(cell) for cell in line] for line in cells]], ensure_ascii=False
    )


def _plain(cell: Any) -> str:
    """A cell as text; a number as the shortest text of its value."""
    try:
        value = float(str(cell).replace(",", ""))
    except ValueError:
        return " ".join(str(cell).casefold().split())
    return f"{value:.12g}"


def _take_raw(source: Path, target: Path, items: set[str]) -> None:
    """Link the raw file, or write it anew without the rows that are items."""

    def kept(row: Any) -> bool:
        try:
            return not isinstance(row, dict) or _record(row) not in items
        except (ValueError, KeyError):  # raw data is as it is; such a row is no item
            return True

    if all(kept(row) for _, row in scan_jsonl(source)):
        link(source, target)
    else:
        target.parent.mkdir(parents=True)
        write_jsonl(target, (row for _, row in scan_jsonl(source) if isinstance(row, dict) and kept(row)))
