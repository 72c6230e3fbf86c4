"""Templates over the fields of a row: Jinja's sandbox, in which values become text as they stand in JSON.

A missing value, null or NaN, is empty text; text is itself; everything else is JSON: ``true``, ``["a", "b"]``. Python's
own text of a value (``None``, ``nan``, ``['a']``) never gets into a prompt or an answer. Every field of a row is a
variable, and ``row["Column name"]`` reaches those whose name is no word.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import Undefined, nodes, pass_context
from jinja2.compiler import CodeGenerator, Frame
from jinja2.sandbox import ImmutableSandboxedEnvironment

ROW = "row"
"""The variable that holds the whole row, unless a field has this name."""


def to_json(value: Any, indent: int | None = None) -> str:
    """Return ``value`` as JSON without escaped characters, on one line unless an indentation is given."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def to_text(value: Any) -> str:
    """Return the text of a value in a prompt or an answer.

    Raises:
        ValueError: for bytes, such as a picture, which are no text.
    """
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, Undefined):
        return str(value)  # empty, or an error where a missing field is one
    if isinstance(value, bytes):
        raise ValueError(f"a field holds {len(value)} bytes, which are no text")
    return to_json(value) if isinstance(value, (bool, int, float, list, tuple, dict)) else str(value)


def _join(values: Iterable[Any], separator: str = "", attribute: str | None = None) -> str:
    """Join the texts of values; those that are missing are passed over."""
    chosen = (value if attribute is None else value[attribute] for value in values)
    return separator.join(to_text(value) for value in chosen if value is not None)


class _Generator(CodeGenerator):
    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """Write ``a ~ b`` as a call of :meth:`RowEnvironment.concatenate`."""
        self.write("environment.concatenate((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class RowEnvironment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox with the filters ``from_json`` and ``to_json``, and the texts of :func:`to_text`."""

    code_generator_class = _Generator

    def __init__(self, from_json: Any, undefined: type[Undefined] = Undefined) -> None:
        # Jinja evaluates constant expressions such as ``{{ 9**9**9 }}`` when it compiles: outside of every limit. It
        # does not do so if the optimizer is off and the final form of a value depends on the context.
        super().__init__(
            autoescape=False,
            undefined=undefined,
            optimized=False,
            finalize=pass_context(lambda _, value: to_text(value)),
        )
        self.filters |= {"from_json": from_json, "to_json": to_json, "string": to_text, "join": _join}

    def concatenate(self, values: Iterable[Any]) -> str:
        """Return the texts of values, one after the other."""
        return "".join(map(to_text, values))


def variables(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables of a template: the fields of a row, and the row itself."""
    return {ROW: row, **row}


def strip_prompt(text: str) -> str:
    """Return a prompt without white space around it."""
    return text.strip()


def strip_answer(text: str) -> str:
    """Return an answer without blank lines before it and white space after it.

    The indentation of its first line stays: the body of a function needs it. A single blank is no indentation.
    """
    text = text.rstrip()
    lines = text.splitlines(keepends=True)
    while lines and not lines[0].strip():
        del lines[0]
    text = "".join(lines)
    return text[1:] if text.startswith(" ") and not text.startswith(("  ", " \t")) else text
