"""The prompts that the owner of a run asks with in place of the task's own: a file, and its content as an option."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ftdojo import digest
from ftdojo.contract.row import SURROGATE
from ftdojo.errors import UsageError
from ftdojo.schema import read_file

DEFAULT = "default"
"""The name of the template for items whose sub-task has none of its own."""
MAX_CHARS = 100_000
"""Of the content: it is an argument of the commands of jobs, which the system limits."""
_FORM = "write a line `NAME: TEMPLATE` for each sub-task, or for all of them `default: TEMPLATE`"


def load_prompts(value: Any) -> Any:
    """Return the content of a prompts file as JSON text, so that the options are complete without the file. Such text
    is returned as it is.

    Raises:
        InputError: if the file cannot be read.
        UsageError: if it does not hold templates by name.
    """
    if not isinstance(value, str):
        return value
    found = read_templates(value) if value.startswith("{") else _require_templates(read_file(Path(value)), value)
    content = json.dumps(found)
    if len(content) > MAX_CHARS:
        message = f"the prompts have {len(content):,} characters, more than {MAX_CHARS:,}"
        raise UsageError(message, fix="shorten the templates")
    return content


def read_templates(content: str) -> dict[str, str]:
    """Return the templates of the option by the names of sub-tasks, and :data:`DEFAULT`.

    Raises:
        UsageError: if there are none. The record of a stranger may hold anything, such as the name of a file.
    """
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise UsageError("the prompts are neither a file nor templates as JSON", fix=_FORM) from None
    return _require_templates(found, "--prompts")


def _require_templates(found: Any, where: str) -> dict[str, str]:
    parts = [part for pair in found.items() for part in pair] if isinstance(found, dict) else []
    if not parts or not all(isinstance(part, str) for part in parts):
        raise UsageError(f"{where} does not hold templates by the names of sub-tasks", fix=_FORM)
    joined = json.loads(json.dumps(found))  # halves of a character that stand next to each other become one
    if any(SURROGATE.search(part) for pair in joined.items() for part in pair):
        raise UsageError(f"{where} holds half a character (a lone surrogate)", fix="write the whole character")
    return dict(joined)


def identify_prompts(content: str) -> str:
    """Return the identity of prompts: equal templates, equal identity."""
    return digest.of_value(read_templates(content))[:12]


def name_prompts(content: str | None) -> str:
    """Return which prompts a run asks with, in words; empty if they are the task's own."""
    return f"asked with own prompts {identify_prompts(content)}, not with the task's" if content else ""
