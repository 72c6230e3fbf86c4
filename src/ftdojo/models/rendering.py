"""Render chat templates as transformers does, in a child process with limits: a template is a program of the model's
author, which may never end. The child runs this file.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from typing import Any

from ftdojo.worker import LimitError, Worker, answer_requests

DEADLINE_S = 60.0
"""For the renderings of one conversation. The first one also waits for the child to start."""
MEMORY_BYTES = 4 * 2**30
MAX_CHARS = 64 * 2**20
"""A longer text is refused: no conversation is as long."""


@dataclass(frozen=True, slots=True)
class Turns:
    """A conversation to be rendered."""

    messages: Sequence[Mapping[str, Any]]
    ask: bool
    """Whether the rendering ends with the beginning of the model's answer."""


class Renderer:
    """A chat template with the texts of the special tokens that it may name."""

    def __init__(self, template: str, special: Mapping[str, Any]) -> None:
        self._worker = Worker(__file__)
        self._given = {"template": template, "special": dict(special)}

    def render(self, conversations: Sequence[Turns], tools: Sequence[Mapping[str, Any]] = ()) -> list[str | None]:
        """Return the rendering of each conversation; ``None`` where the template refuses it. See also :meth:`refusal`.

        Raises:
            ValueError: if the template does not end, or needs too much memory.
        """
        return [answer.get("text") for answer in self._ask(conversations, tools)]

    def refusal(self, conversation: Turns, tools: Sequence[Mapping[str, Any]] = ()) -> str:
        """Return why the template refuses a conversation; empty if it does not.

        Raises:
            ValueError: if the template does not end, or needs too much memory.
        """
        return str(self._ask([conversation], tools)[0].get("error", ""))

    def _ask(self, conversations: Sequence[Turns], tools: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
        asked = [{"messages": [dict(m) for m in one.messages], "ask": one.ask} for one in conversations]
        try:
            answers = self._worker.ask({**self._given, "tools": [*tools], "conversations": asked}, DEADLINE_S)
        except LimitError:
            limits = f"takes over {DEADLINE_S:g} s for a conversation, or too much memory"
            raise ValueError(f"the chat template of the model {limits}") from None
        texts: list[dict[str, str]] = answers["texts"]
        return texts


@functools.lru_cache(maxsize=4)
def renderer(template: str, special: str) -> Renderer:
    """Return the renderer of a template. Cached, with its child process, which takes a moment to start.

    Args:
        template: the template.
        special: the texts of the special tokens, as a JSON object.
    """
    return Renderer(template, json.loads(special))


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    return {"texts": [_rendered(request, one["messages"], ask=one["ask"]) for one in request["conversations"]]}


def _rendered(request: dict[str, Any], messages: list[dict[str, Any]], *, ask: bool) -> dict[str, str]:
    render = _import_render()
    try:
        texts, _ = render(
            [messages],
            chat_template=request["template"],
            tools=request["tools"] or None,
            add_generation_prompt=ask,
            **request["special"],
        )
    except Exception as error:  # noqa: BLE001 - the template is a program of the model's author
        reason = " ".join(str(error).split())[:200]
        return {"error": f"the chat template of the model refuses it: {type(error).__name__}: {reason}"}
    text = str(texts[0])
    return {"text": text} if len(text) <= MAX_CHARS else {"error": "the chat template of the model writes too much"}


@functools.cache
def _import_render() -> Callable[..., Any]:
    """Return the function of transformers that renders templates. Called in the child, which uses nothing else of it.

    The two packages around its module are entered without running their own code, which takes most of a second: each
    new template waits for a child.
    """
    for name in ("transformers", "transformers.utils"):
        spec = find_spec(name)
        assert spec is not None
        sys.modules[name] = module_from_spec(spec)
    render: Callable[..., Any] = import_module("transformers.utils.chat_template_utils").render_jinja_template
    return render


if __name__ == "__main__":
    answer_requests(_answer, memory_bytes=MEMORY_BYTES)
