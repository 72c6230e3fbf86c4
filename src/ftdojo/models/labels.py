"""Which characters of a rendered conversation the model writes: those of the assistant turns, each with its end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from ftdojo.models.form import PROBE, Form
from ftdojo.models.turns import REASONING, Turn, without_reasoning

Span = tuple[int, int]
"""Positions of the first character and of the one after the last."""


def last_turn(form: Form, asked: str, turns: Sequence[Turn], tools: Sequence[Any], ends: Sequence[str]) -> str:
    """Return what the model writes after the prompt: the last turn in the model's own form, with the token that ends
    it if the template writes one. Text that the template adds after that is never generated.

    Where the template renders an answered turn in a way that does not continue the prompt, as those do that open the
    reasoning in the prompt, the turn is put into the form that continues it: that is what the model will be asked with.

    Raises:
        ValueError: if the template refuses the conversation.
    """
    last = without_reasoning(turns[-1]) if form.closes(asked) else turns[-1]
    answered = form.render([*turns[:-1], last], ask=False, tools=tools)
    text = _continuation(form, asked, answered, last)
    after = _content_end(text, last["content"])
    end = _end_of(text, after or 0, ends)
    return text[: end or after]


def _continuation(form: Form, asked: str, answered: str, last: Turn) -> str:
    """Return the text that follows a prompt so that the last turn is answered in the model's form."""
    content, reasoning = last["content"], last.get(REASONING[0], "")
    rest = answered[len(asked) :]
    if answered.startswith(asked) and reasoning in rest:
        return rest
    opened, closed = form.marks or ("", "")
    if form.opens(asked):
        base = asked[: asked.rindex(opened.strip())]
        if answered.startswith(base):
            rest = answered[len(base) :]
            if rest.lstrip().startswith(opened.strip()) and reasoning in rest:
                return rest.lstrip().removeprefix(opened.strip()).removeprefix(asked[len(base) + len(opened.strip()) :])
            rest = re.sub(rf"^\s*{re.escape(opened.strip())}\s*{re.escape(closed.strip())}\s*", "", rest)
            return f"{reasoning}\n{closed}\n\n{rest}"
        block = f"{reasoning}\n{closed}\n\n"
    else:
        block = f"{opened.strip()}\n{reasoning}\n{closed.strip()}\n\n" if reasoning else ""
    after = _content_end(answered, content)
    return f"{block}{content}{answered[after:] if after else ''}"


def earlier_turn(
    form: Form, asked: str, turns: Sequence[Turn], i: int, tools: Sequence[Any], ends: Sequence[str]
) -> Span | None:
    """Return where a prompt has the assistant turn ``turns[i]``; ``None`` if that cannot be found, as where a template
    leaves out the turn."""
    marked = [*turns[:i], {**turns[i], "content": PROBE}, *turns[i + 1 :]]
    before, after, with_probe = form.try_render([(turns[:i], True), (turns[: i + 1], False), (marked, True)], tools)
    content = _replaced(asked, with_probe)
    begin = _begin(form, asked, before or "") or (content[0] if content is not None else None)
    if begin is None:
        return None
    written = content[1] if content is not None else begin
    limit = len(after) if after is not None and asked.startswith(after) else None
    end = _end_of(asked, written, ends)
    if end is not None and (
        end <= limit
        if limit is not None
        else _follows(asked, written, ends)
        or (content is None and "tool_calls" in turns[i] and not _reaches(asked[begin:end], turns[i + 1 :]))
    ):
        return begin, end
    last = content[1] if content is not None else limit
    return None if last is None or last <= begin else (begin, last)


def _begin(form: Form, asked: str, before: str) -> int | None:
    """Return where a turn begins that was answered after the prompt ``before``. What such a prompt has of reasoning, or
    of the channel of the answer, templates leave out of turns that are answered already."""
    bare = before[: before.rindex(form.marks[0])] if form.marks and form.marks[0] in before else before
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(asked, before, strict=False)))
    common = before[:same] if form.thinking == "off" else before
    return next((len(text) for text in (before, bare, common) if text and asked.startswith(text)), None)


def _reaches(text: str, following: Sequence[Turn]) -> bool:
    """Whether a text has the content of a turn that follows."""
    return any(turn["content"] and turn["content"] in text for turn in following)


def _replaced(text: str, with_probe: str | None) -> Span | None:
    """Return where a text has what another one has :data:`PROBE` for."""
    head, found, tail = (with_probe or "").partition(PROBE)
    if not found or not text.startswith(head) or not text.endswith(tail) or len(head) + len(tail) > len(text):
        return None
    return len(head), len(text) - len(tail)


def _content_end(text: str, content: str) -> int | None:
    """Return the position after a turn's content."""
    for found in (content, content.strip()):
        if found and (at := text.find(found)) >= 0:
            return at + len(found)
    return None


def _end_of(text: str, start: int, ends: Sequence[str]) -> int | None:
    """Return the position after the first end token."""
    found = [(at, -len(end)) for end in ends if (at := text.find(end, start)) >= 0]
    return min(found)[0] - min(found)[1] if found else None


def _follows(text: str, start: int, ends: Sequence[str]) -> bool:
    """Whether an end token follows with nothing but white space before it."""
    return text[start:].lstrip().startswith(tuple(ends))
