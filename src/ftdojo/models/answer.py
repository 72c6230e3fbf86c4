"""What of a generated text is the answer, and what is the model's reasoning."""

from __future__ import annotations

import re

from ftdojo.models.form import Form
from ftdojo.models.template import CLOSE, OPEN

_HEADERS = re.compile(r"<\|channel\|>\w*|<\|start\|>assistant")
"""What gpt-oss writes around its reasoning, besides single special tokens."""


def read(text: str, form: Form, *, opened: bool) -> str:
    """Return an answer, given as text with its special tokens, as scorers take it. ``opened`` says whether the prompt
    ends with the mark that opens the reasoning.

    Reasoning stands between ``<think>`` and ``</think>``, whatever the model's own marks are, and also if the prompt
    has opened it. Where the run has turned thinking on, only what follows the reasoning is returned: nothing if the
    model has not come to its end.
    """
    reasoning, answer = _split(text, form, opened=opened)
    if form.thinking == "on":
        return _clean(answer or "", form).strip()
    if reasoning is None:
        return _clean(answer or "", form)
    closed = "" if answer is None else CLOSE + _clean(answer, form)
    return f"{OPEN}{_clean(_HEADERS.sub('', reasoning), form)}{closed}"


def _split(text: str, form: Form, *, opened: bool) -> tuple[str | None, str | None]:
    """Return reasoning and answer, each ``None`` if there is none."""
    if form.head:
        before, found, after = text.rpartition(form.head)
        if found:
            return before or None, after
        return (text, None) if form.marks and any(token in text for token in form.special) else (None, text)
    begin, closed = (mark.strip() for mark in form.marks or ("", ""))
    before, found, after = text.partition(closed)
    if found:
        return before.lstrip().removeprefix(begin), after
    if opened or text.lstrip().startswith(begin):
        return text.lstrip().removeprefix(begin), None
    return None, text


def _clean(text: str, form: Form) -> str:
    for token in form.special:
        text = text.replace(token, "")
    return text
