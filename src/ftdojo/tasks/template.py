"""The templates of tasks: sandboxed Jinja over the fields of a row, with two filters. They give the same texts as those
of recipes (:mod:`ftdojo.contract.recipe_program.templates`).

``from_json`` reads JSON text, also in a fence or encoded twice, and returns an empty mapping for anything else;
``to_json`` writes JSON without escaping characters, on one line unless an indentation is given.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, Undefined, meta, nodes

from ftdojo.contract.recipe_program.templates import RowEnvironment, strip_prompt, variables
from ftdojo.contract.task_spec import Record
from ftdojo.tasks.extract import from_json

_RESERVED = {"and", "elif", "else", "false", "for", "if", "in", "is", "none", "not", "or", "recursive", "self", "true"}
"""Words of Jinja, which are no variables."""


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
def _environment(*, strict: bool) -> RowEnvironment:
    return RowEnvironment(from_json, StrictUndefined if strict else Undefined)


def syntax_tree(text: str) -> nodes.Template:
    """Return the syntax tree of a template that was compiled."""
    return _environment(strict=False).parse(text)


def fields_of(text: str) -> set[str]:
    """Return the fields that a template names as words; those of ``row[...]`` are not among them.

    Raises:
        ValueError: for a syntax error, with its line.
    """
    compile_template(text)
    return meta.find_undeclared_variables(syntax_tree(text)) - {"row"}


def render(template: Template, row: Record, strip: Callable[[str], str] = strip_prompt) -> str:
    """Render the template with the fields of ``row``, without the white space that ``strip`` removes.

    Raises:
        ValueError: if it cannot be rendered.
    """
    try:
        return strip(template.render(variables(row)))
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
        raise ValueError(f"cannot render: {error}") from None


def is_template(text: str) -> bool:
    """Whether a text is a template; otherwise it is the name of a field."""
    return "{{" in text or "{%" in text


def variable(name: str) -> str:
    """Return the expression for a field of this name, also if it is no word."""
    is_word = name.isidentifier() and name.lower() not in _RESERVED
    return name if is_word else f"row[{json.dumps(name, ensure_ascii=False)}]"


def first_of(name: str) -> str:
    """Return the template of one field whose lists are several right answers: of a list the first, else its value."""
    value = variable(name)
    shown = "{% if one is string %}{{ one }}{% else %}{{ one | to_json }}{% endif %}"
    first = f"{{% set one = {value} | first %}}{shown}"
    listed = f"{value} is sequence and {value} is not string and {value} is not mapping and {value}"
    return f"{{% if {listed} %}}{first}{{% else %}}{field(name)}{{% endif %}}"


def field(name: str) -> str:
    """Return the template of one field: text unchanged, other values as JSON, empty for a missing or null field."""
    name = variable(name)
    text = f"{{% if {name} is string %}}{{{{ {name} }}}}"
    other = f"{{% elif {name} is defined and {name} is not none %}}{{{{ {name} | to_json }}}}{{% endif %}}"
    return text + other
