"""The published data of BioProBench: ``X.json`` to learn from, ``X_test.json`` to validate and test with.

Both are JSON lists with the fields of the task. Evaluation items are shuffled and split as in the reference. The
published folder holds both kinds of files side by side; the raw data gets only the task's own training file, without
rows that ask what an item asks.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ftdojo.contract.task_spec import Record
from ftdojo.errors import InputError
from ftdojo.tasks.rows import write_jsonl
from ftdojo.tasks.spec import FLAW, Sources, Variant
from ftdojo_tasks.biology import ord as step_order
from ftdojo_tasks.biology import tags
from ftdojo_tasks.published import bad_rows, distinct, link, read_json_list, shuffled, split

FORM: dict[str, dict[str, type]] = {
    "PQA": {"question": str, "choices": list, "answer": str},
    "ORD": {"question": str, "wrong_steps": list, "correct_steps": list},
    "ERR": {"context": dict, "is_correct": bool},
    "GEN": {"system_prompt": str, "instruction": str, "input": str, "output": list},
}
"""Name of the files -> fields that every item needs, and what they hold; lists are of texts, and none is empty."""
QUESTION: dict[str, Callable[[Record], Any]] = {
    "PQA": lambda row: row.get("question"),
    "ORD": lambda row: [row.get("question"), _sorted(row.get("correct_steps"))],
    "ERR": lambda row: [row.get("context"), _shown(row)],
    "GEN": lambda row: row.get("input"),
}
"""Name of the files -> what makes two rows ask the same."""


def variant(name: str) -> Variant:
    """The hub edition of the task with these files."""
    return Variant(build=partial(build, name=name), sets=(tags.BIOPROBENCH,))


def build(folder: Path, sources: Sources, *, name: str) -> None:
    """Write ``raw/``, ``validation.jsonl`` and ``test.jsonl`` into ``folder``.

    Raises:
        InputError: for a file that is missing, or rows of another form.
    """
    root = sources[tags.BIOPROBENCH.id]
    rows = read_json_list(root / f"{name}_test.json")
    if bad := [i for i, row in enumerate(rows, start=1) if not _is_item(name, row)]:
        raise bad_rows(f"{name}_test.json", bad, f"lacks one of {', '.join(FORM[name])}, or it is of another form")
    validation, test = split(shuffled([{**row, "id": f"{name}-{place:05}"} for place, row in enumerate(rows)]))
    validation, test = (list(map(_marked, part)) for part in (validation, test))
    if name in ANSWERABLE:
        validation, test = (list(filter(ANSWERABLE[name], part)) for part in (validation, test))

    def question(row: Record) -> str:
        return json.dumps(QUESTION[name](row), ensure_ascii=False, sort_keys=True)

    test = distinct(test, question)
    validation = distinct(validation, question, map(question, test))
    write_jsonl(folder / "validation.jsonl", validation)
    write_jsonl(folder / "test.jsonl", test)
    asked = set(map(question, (*validation, *test)))
    raw = read_json_list(root / f"{name}.json")
    kept = [row for row in raw if question(row) not in asked]
    target = folder / "raw" / f"{name}.json"
    if len(kept) == len(raw):
        link(root / f"{name}.json", target)
    else:
        target.parent.mkdir()
        target.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _is_item(name: str, row: Record) -> bool:
    values = [row.get(field) for field in FORM[name]]
    return (
        all(map(isinstance, values, FORM[name].values()))
        and all(value and all(isinstance(text, str) for text in value) for value in values if isinstance(value, list))
        and (name != "PQA" or bool(row["answer"].strip()))
        and (name != "ERR" or isinstance(_shown(row), str))
    )


def _marked(row: dict[str, Any]) -> dict[str, Any]:
    """The row; with the reason where it calls a step wrong that is the same as its correction."""
    wrong = row.get("is_correct") is False and row.get("corrupted_text") == row.get("corrected_text")
    return {**row, FLAW: "the step is called wrong, and is the same as its correction"} if wrong else row


def _shown(row: Record) -> Any:
    """The step that a row of ERR is about."""
    return row.get("corrected_text") if row.get("is_correct") else row.get("corrupted_text")


def _sorted(steps: Any) -> Any:
    return sorted(map(str, steps)) if isinstance(steps, list) else steps


def _has_one_order(item: Record) -> bool:
    try:
        step_order.gold_order(item)
    except InputError:
        return False
    return True


ANSWERABLE: dict[str, Callable[[Record], bool]] = {"PQA": lambda item: "&" not in item["answer"], "ORD": _has_one_order}
"""Name of the files -> whether any output can be right; items of the others all have one."""
