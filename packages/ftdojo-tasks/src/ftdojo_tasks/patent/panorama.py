"""Common parts of the three PANORAMA tasks: the data set, prompts that are templates over a row, answers in a fence."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from ftdojo.contract.task_spec import Message, RawSource, Record, Rendering
from ftdojo.tasks.extract import in_fence
from ftdojo.tasks.spec import HubSet

PANORAMA = HubSet(id="LG-AI-Research/PANORAMA", revision="main", licence="CC BY-NC 4.0")
LICENCE = "PANORAMA: CC BY-NC 4.0; the twin: MIT"

CONTEXT = "{% set context = context | from_json %}"
TARGET = (
    "{% set claims = context['claims'] or [] %}{% set number = claim_number | int %}"
    "{% set numbered = claims | select('mapping') | selectattr('claimNumber', 'defined')"
    " | selectattr('claimNumber', 'in', [number, number | string]) | list %}"
    "{% set at_place = claims[number - 1:number] if number > 0 else [] %}"
    "{% set claim = (numbered or at_place) | first %}"
    "{{ (claim['claim_text'] if claim is mapping else claim) or '' }}"
)
"""The text of the target claim, which is in the list as text or as an object: the object with its number, else what is
at its place. The number may be text."""


def prompt_of(template: str) -> Callable[[Record], list[Message]]:
    """The prompt that is a template over the fields of an item, as of a raw row: one user turn."""

    @cache
    def compiled() -> Any:
        from ftdojo.tasks.template import compile_template

        return compile_template(template)

    def prompt(item: Record) -> list[Message]:
        """The item as one user turn."""
        from ftdojo.tasks.template import render

        return [{"role": "user", "content": render(compiled(), item)}]

    return prompt


def target_claim(item: Record) -> str:
    """The text of the target claim; empty if there is none."""
    return str(prompt_of(f"{CONTEXT}{TARGET}")(item)[0]["content"])


def source(task: str, description: str, prompt: str, label: str, answer: str) -> RawSource:
    """The raw file of a task.

    Args:
        task: the folder of the file.
        description: description of its rows.
        prompt: template of the evaluation's prompt.
        label: template of the bare label.
        answer: template of the JSON object that is asked for; a row for which it gives nothing has no completion.
    """
    return RawSource(
        path=f"{task}/train.parquet",
        subtask="",
        description=description,
        renderings=(
            Rendering(
                name="raw",
                prompt=f"{CONTEXT}{{{{ context['title'] }}}}\n{TARGET}",
                completion=label,
                description="title and target claim, and the bare label: without prior art, and in a form not scored",
            ),
            Rendering(
                name="answer",
                prompt=prompt,
                completion=f"{{% set text %}}{answer}{{% endset %}}"
                "{% if text %}```json\n{{ text }}\n```{% endif %}",
                description="the prompt of the evaluation, and the label in its form",
            ),
        ),
    )


def value_of(output: str) -> Any:
    """The JSON value in the fence of an output, or in all of it; ``None`` if there is none. Thinking is part of it."""
    try:
        return json.loads(in_fence(output.strip()))
    except (ValueError, RecursionError):
        return None
