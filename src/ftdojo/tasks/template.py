"""The templates of tasks: sandboxed Jinja over the fields of a row, with two filters.

``from_json`` reads JSON text, also in a fence or encoded twice, and returns an empty mapping for anything else;
``to_json`` writes JSON without escaping characters, on one line unless an indentation is given.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, Undefined, nodes, pass_context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ftdojo.contract.task_spec import Record
from ftdojo.tasks.extract import from_json


def to_json(value: Any, indent: int | None = None) -> str:
    """Return ``value`` as JSON, on one line unless an indentation is given."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def compile_template(text: str, *, strict: bool = False) -> Template:
    """Compile a template. A missing field is an error if ``strict``; otherwise it renders as empty text.

    Raises:
        ValueError: for a syntax error, with its line.
    """
    try:
        return _environment(strict=strict).from_string(text)
    except TemplateSyntaxError as error:
        raise ValueError(f"line {error.lineno} of the template: {error.message}") from None
    except (RecursionError, SyntaxError, MemoryError):  # the last two from Python, for code that Jinja generated
        raise ValueError("the template is nested too deeply") from None


@functools.lru_cache(maxsize=2)
def _environment(*, strict: bool) -> ImmutableSandboxedEnvironment:
    # Jinja evaluates constant expressions such as ``{{ 9**9**9 }}`` when it compiles. It does not do so if the
    # optimizer is off and the final form of a value depends on the context.
    environment = ImmutableSandboxedEnvironment(
        autoescape=False,
        undefined=StrictUndefined if strict else Undefined,
        optimized=False,
        finalize=pass_context(lambda _, value: value),
    )
    environment.filters |= {"from_json": from_json, "to_json": to_json}
    return environment


def syntax_tree(text: str) -> nodes.Template:
    """Return the syntax tree of a template that was compiled."""
    return _environment(strict=False).parse(text)


def render(template: Template, row: Record) -> str:
    """Render the template with the fields of ``row``, stripped.

    Raises:
        ValueError: if it cannot be rendered.
    """
    try:
        return template.render(row).strip()
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
        raise ValueError(f"cannot render: {error}") from None


def field(name: str) -> str:
    """Return the template of one field: text unchanged, other values as JSON, empty for a missing or null field."""
    text = f"{{% if {name} is string %}}{{{{ {name} }}}}"
    other = f"{{% elif {name} is defined and {name} is not none %}}{{{{ {name} | to_json }}}}{{% endif %}}"
    return text + other
