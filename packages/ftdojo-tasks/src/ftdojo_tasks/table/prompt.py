"""The prompt of TableBench: instruction, table as text, question, how to close; also as a template over raw rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ftdojo.contract.task_spec import Message, Record
from ftdojo.tasks.extract import from_json

SEPARATOR = " | "
TEMPLATE_OF_TABLE = (
    "{% set content = table | from_json %}{% set head = content['columns'] | join('" + SEPARATOR + "') %}"
    "{{ head }}\n{{ '-' * (head | length) }}"
    "{% for cells in content['data'] %}\n{{ cells | join('" + SEPARATOR + "') }}{% endfor %}"
)
"""What :func:`table_text` writes, over the fields of a row."""


def content(table: Any) -> dict[str, Any]:
    """``{"columns": [...], "data": [[...], ...]}``, which some editions of the data have as JSON text.

    Raises:
        ValueError: if it is something else.
    """
    value = from_json(table)
    columns, data = (value.get(name) for name in ("columns", "data")) if isinstance(value, dict) else (None, None)
    if not isinstance(columns, list) or not isinstance(data, list) or not all(isinstance(row, list) for row in data):
        raise ValueError("is no table of 'columns' and 'data'")
    return {"columns": columns, "data": data}


def table_text(table: Any) -> str:
    """A line of column names, a line of dashes, a line for each row."""
    found = content(table)
    head = SEPARATOR.join(map(str, found["columns"]))
    return "\n".join([head, "-" * len(head), *(SEPARATOR.join(map(str, row)) for row in found["data"])])


def asking(closing: str) -> Callable[[Record], list[Message]]:
    """The prompt of a task whose instruction ends like this: one user turn."""

    def prompt(item: Record) -> list[Message]:
        """Instruction, table, question and closing as one user turn."""
        text = _whole(item["instruction"], table_text(item["table"]), item["question"], closing)
        return [{"role": "user", "content": text}]

    return prompt


def template(closing: str) -> str:
    """The same prompt as a template over the fields of a raw row."""
    return _whole("{{ instruction }}", TEMPLATE_OF_TABLE, "{{ question }}", closing)


def _whole(instruction: str, table: str, question: str, closing: str) -> str:
    return f"{instruction}\n\nTable:\n{table}\n\nQuestion: {question}\n\n{closing}\n\nAnswer:"
