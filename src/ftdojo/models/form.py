"""What a model's chat template makes of a conversation, and which forms of one it takes.

The forms are found by rendering small conversations.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ftdojo.contract.options import Thinking
from ftdojo.contract.task_spec import Message
from ftdojo.errors import UsageError
from ftdojo.models import template as templates
from ftdojo.models import turns as forms
from ftdojo.models.rendering import Turns, renderer
from ftdojo.models.turns import Turn

PROBE = "Zqxjkvbw"
"""A text that no template writes by itself."""


class Form:
    """The chat template of a model, as its tokenizer has it."""

    def __init__(self, template: str, tokenizer: Any) -> None:
        """Take a template, and the special tokens of a tokenizer."""
        self.template = template
        self.special = frozenset({str(t) for t in tokenizer.added_tokens_decoder.values() if t.special})
        """The texts that are tokenized as special tokens."""
        named = {name: str(text) for name, text in tokenizer.special_tokens_map.items() if isinstance(text, str)}
        self._renderer = renderer(self.template, json.dumps(named, sort_keys=True))

    @classmethod
    def of(cls, tokenizer: Any, model: Path) -> Form:
        """Return the form of the template of a tokenizer, with a fixed date; ``model`` is its folder, for messages.

        Raises:
            UsageError: if there is none.
        """
        found = tokenizer.chat_template
        if isinstance(found, dict):  # several by name
            found = found.get("default") or next(iter(found.values()), "")
        if not found:
            fix = "choose an instruction-tuned model, or give a template: --chat-template chatml, plain or a file"
            raise UsageError(f"the model in {model} has no chat template", fix=fix)
        return cls(templates.pin_date(found), tokenizer)

    def turns(self, messages: Sequence[Message]) -> list[Turn]:
        """Return the turns of a conversation in a form that the template takes."""
        read = [forms.read_turn(message, self.marks) for message in messages]
        if any(turn["role"] == "system" for turn in read) and not self.takes_system:
            read = forms.merge_system(read)
        if any(turn.get("tool_calls") for turn in read) and self._json_arguments:
            read = forms.with_json_arguments(read)
        return read

    def has_reasoning(self, messages: Sequence[Message]) -> bool:
        """Whether the last turn of a conversation has reasoning in a form that the template knows."""
        return self.marks is not None and forms.REASONING[0] in forms.read_turn(messages[-1], self.marks)

    def render(self, turns: Sequence[Turn], *, ask: bool, tools: Sequence[Any] = ()) -> str:
        """Return a conversation as text.

        Args:
            turns: as :meth:`turns` returns them.
            ask: end with the beginning of the model's answer.
            tools: what the model may call.

        Raises:
            ValueError: if the template refuses the conversation.
        """
        conversation = self._conversation(turns, ask=ask)
        (text,) = self._renderer.render([conversation], tools)
        if text is None:
            raise ValueError(self._renderer.refusal(conversation, tools))
        return text

    def try_render(
        self, conversations: Sequence[tuple[Sequence[Turn], bool]], tools: Sequence[Any] = ()
    ) -> list[str | None]:
        """Return each conversation as text, ``None`` where the template refuses it. Each comes with ``ask``."""
        return self._renderer.render([self._conversation(turns, ask=ask) for turns, ask in conversations], tools)

    # -- what the template can do ------------------------------------------------------------------------------------

    @cached_property
    def marks(self) -> tuple[str, str] | None:
        """The marks between which the model writes its reasoning; ``None`` if the template has no form for it."""
        return templates.marks_of(self.template) if templates.knows_thinking(self.template) else None

    @cached_property
    def thinking(self) -> Thinking:
        """What the run has set for thinking."""
        return templates.read_setting(self.template)

    @cached_property
    def takes_system(self) -> bool:
        """Whether there are system turns. Where there are none, their text begins the next user turn."""
        (text,) = self.try_render([([_turn("system", PROBE), _turn("user", "x")], True)])
        return text is not None and PROBE in text

    @cached_property
    def head(self) -> str:
        """What the model writes before an answer without reasoning, if that has special tokens: ``<|channel|>final…``
        of gpt-oss."""
        asked, answered = self.example
        at = answered.find(PROBE)
        head = answered[len(asked) : at] if at >= 0 and answered.startswith(asked) else ""
        in_marks = any(mark.strip() in head for mark in self.marks or ())
        return head if any(text in head for text in self.special) and not in_marks else ""

    @cached_property
    def plain(self) -> bool:
        """Whether an answer is all that the model writes."""
        return self.marks is None and not self.head

    def opens(self, asked: str) -> bool:
        """Whether a prompt ends with the mark that opens the reasoning, so that an answer has only the closing one."""
        return self.marks is not None and asked.rstrip().endswith(self.marks[0].strip())

    def closes(self, asked: str) -> bool:
        """Whether a prompt ends where the reasoning is over."""
        return self.marks is not None and (self.thinking == "off" or asked.rstrip().endswith(self.marks[1].strip()))

    @cached_property
    def opens_thinking(self) -> bool:
        """Whether prompts end with the mark that opens the reasoning."""
        return self.opens(self.example[0])

    @cached_property
    def closes_thinking(self) -> bool:
        """Whether prompts end where the reasoning is over, so that the model answers without any."""
        return self.closes(self.example[0])

    @cached_property
    def example(self) -> tuple[str, str]:
        """A prompt, and the same conversation with its answer; empty if the template refuses them."""
        asked = [_turn("user", "x")]
        texts = self.try_render([(asked, True), ([*asked, _turn("assistant", PROBE)], False)])
        return texts[0] or "", texts[1] or ""

    @cached_property
    def _in_parts(self) -> bool:
        """Whether a text is read only from a list of parts."""
        asked = [_turn("user", PROBE)]
        plain, parts = self._renderer.render([Turns(asked, ask=True), Turns(forms.in_parts(asked), ask=True)])
        return PROBE not in (plain or "") and PROBE in (parts or "")

    @cached_property
    def _json_arguments(self) -> bool:
        """Whether the arguments of a tool call must be JSON text."""
        function = {"name": "f", "arguments": {PROBE: "v"}}
        call = {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": function}]}
        (text,) = self.try_render([([_turn("user", "x"), call], False)])
        return text is None or f"'{PROBE}'" in text

    def _conversation(self, turns: Sequence[Turn], *, ask: bool) -> Turns:
        return Turns(forms.in_parts(turns) if self._in_parts else turns, ask=ask)


def _turn(role: str, text: str) -> Turn:
    return {"role": role, "content": text}
