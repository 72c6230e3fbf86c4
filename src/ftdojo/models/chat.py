"""Conversations to tokens with a model's own chat template and tokenizer.

Training and generation both use this module, so a model gets prompts in exactly the format that it was trained on.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ftdojo.contract.task_spec import Message
from ftdojo.errors import UsageError


class Chat:
    """The tokenizer and chat template of the model in one folder."""

    def __init__(self, model: Path) -> None:
        """Load tokenizer and template.

        Raises:
            UsageError: if the model has no chat template, or its files cannot be read.
        """
        self._tokenizer: Any = _tokenizer(model, tuple(p.stat().st_mtime_ns for p in sorted(model.glob("*.json"))))
        if not self._tokenizer.chat_template:
            fix = "choose an instruction-tuned model, or add chat_template.jinja to the folder"
            raise UsageError(f"the model in {model} has no chat template", fix=fix)
        self.stops: frozenset[int] = frozenset(_stops(model) | {self._tokenizer.eos_token_id})
        """The tokens that end an answer."""
        self.special: frozenset[str] = frozenset(
            {str(token) for token in self._tokenizer.added_tokens_decoder.values() if token.special}
        )
        """The texts that are tokenized as special tokens, wherever they occur."""
        pad = self._tokenizer.pad_token_id
        self.pad: int = self._tokenizer.eos_token_id if pad is None else pad

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Return the tokens of a conversation up to the beginning of the model's answer.

        Raises:
            UsageError: if the template refuses the conversation, as some refuse a system turn.
        """
        try:
            return self._encode(self._render(messages, ask=True))
        except ValueError as error:
            roles = ", ".join(str(message["role"]) for message in messages)
            raise UsageError(f"a prompt with the turns {roles}: {error}", fix="choose another base model") from None

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of an answer, without special tokens."""
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True))

    def conversation(self, messages: Sequence[Message]) -> tuple[list[int], list[bool]]:
        """Return the tokens of a conversation that ends with an assistant turn, and for each whether the model must
        generate it: the tokens of every assistant turn, with the token that ends it.

        The tokens before an assistant turn equal :meth:`prompt` of the turns before it.

        Raises:
            ValueError: if the template refuses the conversation, or renders a turn differently once it is answered.
        """
        tokens: list[int] = []
        generated: list[bool] = []

        def add(piece: list[int], by_model: bool) -> None:
            tokens.extend(piece)
            generated.extend([by_model] * len(piece))

        rendered = ""
        for i, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            asked = self._render(messages[:i], ask=True)
            answered = self._render(messages[: i + 1], ask=False)
            if not asked.startswith(rendered) or not answered.startswith(asked):
                raise ValueError("the chat template renders a turn differently once it is answered")
            add(self._encode(asked[len(rendered) :]), by_model=False)
            answer = self._encode(answered[len(asked) :])
            end = max((k for k, token in enumerate(answer) if token in self.stops), default=-1) + 1
            if i == len(messages) - 1:
                # Text that a template adds after the end of the turn is never generated.
                add(answer[:end] if end else [*answer, self._tokenizer.eos_token_id], by_model=True)
            else:
                add(answer[:end], by_model=True)
                add(answer[end:], by_model=False)
            rendered = answered
        return tokens, generated

    def _render(self, messages: Sequence[Message], *, ask: bool) -> str:
        turns = [dict(message) for message in messages]
        try:
            return str(self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=ask))
        except Exception as error:  # noqa: BLE001 - the template is a program of the model's author
            reason = " ".join(str(error).split())[:200]
            raise ValueError(f"the chat template of the model refuses it: {type(error).__name__}: {reason}") from None

    def _encode(self, text: str) -> list[int]:
        # The template has written the special tokens already.
        return list(self._tokenizer(text, add_special_tokens=False).input_ids)


@functools.lru_cache(maxsize=2)
def _tokenizer(model: Path, changed: tuple[int, ...]) -> Any:
    """Load the tokenizer of a folder whose files changed at these times. Cached: loading takes half a second, and every
    gate and stage needs it."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(model, trust_remote_code=False)
    except Exception as error:  # noqa: BLE001 - a damaged file can make its parser raise anything
        reason = " ".join(str(error).split())[:200]
        raise UsageError(
            f"the tokenizer in {model} cannot be read: {type(error).__name__}: {reason}",
            fix="give a folder that save_pretrained wrote",
        ) from None


def _stops(model: Path) -> set[int]:
    """Return the end tokens in the generation settings; a model may have several."""
    path = model / "generation_config.json"
    try:
        ends = json.loads(path.read_text("utf-8")).get("eos_token_id") if path.is_file() else None
        return set(ends) if isinstance(ends, list) else set() if ends is None else {ends}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read: {error}", fix="give a folder that save_pretrained wrote") from None
