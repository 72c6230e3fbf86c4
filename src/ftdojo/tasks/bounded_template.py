"""Templates of task folders, which can come from strangers: Jinja's sandbox limits what a template reaches, not how
long it computes or how much it writes.

A template of fields, conditions and a few filters cannot compute for long, and is rendered here. One with a loop, a
call, arithmetic or an assignment is rendered by a child process with limits.
"""

from __future__ import annotations

from typing import Any

from jinja2 import nodes

from ftdojo.contract.recipe_program.templates import strip_answer, strip_prompt
from ftdojo.contract.task_spec import Record
from ftdojo.tasks.template import compile_template, render, syntax_tree
from ftdojo.worker import LimitError, Worker, answer_requests

DEADLINE_S = 20.0
"""For one row, and for the start of the child process."""
CPU_S = 600
"""Of the child process, for all rows: a child whose parent was killed ends by this."""
MEMORY_BYTES = 2 * 2**30
MAX_CHARS = 4 * 2**20
"""A longer text is refused: no prompt is as long."""
_SIMPLE = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem),
    *(nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Test, nodes.Filter),
)
_FILTERS = {"to_json", "from_json", "trim", "lower", "upper", "default", "d", "length", "string", "first", "last"}
_STRIP = {False: strip_prompt, True: strip_answer}
MAX_CHAIN = 3
"""Filters on one value: each ``to_json`` can double a text."""


class BoundedTemplate:
    """A compiled template whose rendering is limited in time, memory and size."""

    def __init__(self, text: str, *, strict: bool = False, answer: bool = False) -> None:
        """Compile a template; see :func:`~ftdojo.tasks.template.compile_template`. An ``answer`` keeps the indentation
        of its first line, and any other text has no white space around it."""
        self._template = compile_template(text, strict=strict)
        self._simple = is_simple(text)
        self._request = {"template": text, "strict": strict, "answer": answer}
        self._strip = _STRIP[answer]
        self._worker = Worker(__file__)

    def render(self, row: Record) -> str:
        """Render the template with the fields of ``row``.

        Raises:
            ValueError: if it cannot be rendered, or only beyond the limits; then every later row is refused at once.
        """
        text = render(self._template, row, self._strip) if self._simple else self._ask(row)
        if len(text) > MAX_CHARS:
            raise ValueError(f"cannot render: the text has more than {MAX_CHARS:,} characters")
        return text

    def _ask(self, row: Record) -> str:
        try:
            answer = self._worker.ask({**self._request, "row": row}, DEADLINE_S)
        except LimitError:
            message = f"cannot render: the template takes over {DEADLINE_S:g} s for a row, or too much memory"
            raise ValueError(message) from None
        if "error" in answer:
            raise ValueError(answer["error"])
        return str(answer["text"])


def is_simple(text: str) -> bool:
    """Return whether a template can be rendered without limits: its work is linear in itself and in the row."""
    try:
        tree = syntax_tree(text)
        parts = [tree, *tree.find_all(nodes.Node)]
    except RecursionError:
        return False
    if not all(type(part) in _SIMPLE for part in parts):
        return False
    filters = [part for part in parts if isinstance(part, nodes.Filter)]
    return all(f.name in _FILTERS and len([*f.find_all(nodes.Filter)]) < MAX_CHAIN for f in filters)


def _answer(request: dict[str, Any]) -> dict[str, str]:
    try:
        template = compile_template(request["template"], strict=request["strict"])
        text = render(template, request["row"], _STRIP[request["answer"]])
    except ValueError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": "cannot render: the template needs too much memory"}
    return {"text": text} if len(text) <= MAX_CHARS else {"error": "cannot render: the text is too long"}


if __name__ == "__main__":
    answer_requests(_answer, memory_bytes=MEMORY_BYTES, cpu_s=CPU_S)
