"""Conversations to tokens with a model's own chat template and tokenizer, and answers to text.

Training and generation both use this module, so a model gets prompts in exactly the format that it was trained on.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ftdojo.contract.task_spec import Message
from ftdojo.errors import UsageError
from ftdojo.models import answer, labels
from ftdojo.models.form import Form
from ftdojo.models.info import SAVED
from ftdojo.models.turns import tool_names, tools_of

Span = tuple[int, int]
OPENING_TOKENS = 16
"""The last tokens of a prompt, enough for the mark that opens the reasoning."""


class Chat:
    """The tokenizer and chat template of the model in one folder."""

    def __init__(self, model: Path) -> None:
        """Load tokenizer and template.

        Raises:
            UsageError: if the model has no chat template or no token that ends an answer, or its files cannot be read.
        """
        self._tokenizer: Any = load_tokenizer(model)
        self.form = Form.of(self._tokenizer, model)
        """What the chat template makes of a conversation."""
        eos = self._tokenizer.eos_token_id
        self.stops: frozenset[int] = frozenset(_stops(model) | ({eos} - {None}))
        """The tokens that end an answer."""
        if not self.stops:
            fix = "set eos_token in tokenizer_config.json, or eos_token_id in generation_config.json"
            raise UsageError(f"no token ends an answer of the model in {model}: it would never stop", fix=fix)
        self._end: int = min(self.stops) if eos is None else eos
        pad = self._tokenizer.pad_token_id
        self.pad: int = self._end if pad is None else pad
        known = [token for token in sorted(self.stops) if 0 <= token < len(self._tokenizer)]
        self._ends = tuple(filter(None, self._tokenizer.convert_ids_to_tokens(known)))

    @property
    def special(self) -> frozenset[str]:
        """The texts that are tokenized as special tokens, wherever they occur."""
        return self.form.special

    def tokens_from(self, first: int) -> list[str]:
        """Return the texts of the tokens with this number and higher ones, except the one to pad with."""
        numbers = self._tokenizer.get_vocab()
        return sorted(text for text, number in numbers.items() if number >= first and number != self.pad)

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Return the tokens of a conversation up to the beginning of the model's answer.

        Raises:
            UsageError: if the template refuses the conversation, as some refuse two user turns in a row.
        """
        try:
            return self._encode(self.form.render(self.form.turns(messages), ask=True, tools=tools_of(messages)))
        except ValueError as error:
            roles = ", ".join(str(message["role"]) for message in messages)
            fix = "choose another base model, or another template with --chat-template"
            raise UsageError(f"a prompt with the turns {roles}: {error}", fix=fix) from None

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens, without special tokens."""
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True))

    def read(self, tokens: Sequence[int], prompt: Sequence[int]) -> str:
        """Return the text of the answer to a prompt, as :func:`ftdojo.models.answer.read` does."""
        if self.form.plain:
            return self.decode(tokens)
        opened = self.form.opens(self._decoded(prompt[-OPENING_TOKENS:]))
        return answer.read(self._decoded(tokens), self.form, opened=opened)

    def conversation(self, messages: Sequence[Message]) -> tuple[list[int], list[bool]]:
        """Return the tokens of a conversation that ends with an assistant turn, and for each whether the model must
        generate it: the tokens of every assistant turn whose weight is not 0, with the token that ends it.

        The tokens before the last turn equal :meth:`prompt` of the turns before it.

        Raises:
            ValueError: if the template refuses the conversation.
        """
        turns, tools = self.form.turns(messages), tools_of(messages)
        asked = self.form.render(turns[:-1], ask=True, tools=tools)
        text = labels.last_turn(self.form, asked, turns, tools, self._ends)
        if lost := next((name for name in tool_names(messages) if name not in asked + text), None):
            raise ValueError(f"the chat template of the model has no form for tools: it leaves out '{lost[:40]}'")
        prompt = self._encode(asked)
        last = self._following(asked, prompt, text)
        if not last or last[-1] not in self.stops:
            last.append(self._end)
        weights = [message.get("weight", 1) for message in messages[:-1] if message["role"] == "assistant"]
        places = [i for i, turn in enumerate(turns[:-1]) if turn["role"] == "assistant"]
        learned = [i for i, weight in zip(places, weights, strict=True) if weight]
        spans = [labels.earlier_turn(self.form, asked, turns[:-1], i, tools, self._ends) for i in learned]
        return prompt + last, self._inside(asked, prompt, [s for s in spans if s]) + [True] * len(last)

    def _following(self, asked: str, prompt: list[int], text: str) -> list[int]:
        """Return the tokens of a text as it follows a prompt: some tokenizers begin every text with a blank."""
        for before, known in ((asked, prompt), ("\n", None)):
            tokens = self._encode(before) if known is None else known
            both = self._encode(before + text)
            if both[: len(tokens)] == tokens:
                return both[len(tokens) :]
        return self._encode(text)  # its first characters would be one token with the prompt's last

    def _inside(self, text: str, tokens: list[int], spans: list[Span]) -> list[bool]:
        """Return for each token of a text whether it is, at least partly, in one of the spans of characters."""
        if not spans:
            return [False] * len(tokens)
        if self._tokenizer.is_fast:
            places = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True).offset_mapping
        else:
            places = [(len(self._decoded(tokens[:i])), len(self._decoded(tokens[: i + 1]))) for i in range(len(tokens))]
        return [any(begin < last and first < end for first, last in spans) for begin, end in places]

    def _decoded(self, tokens: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=False))

    def _encode(self, text: str) -> list[int]:
        # The template has written the special tokens already.
        return list(self._tokenizer(text, add_special_tokens=False).input_ids)


def token_counter(model: Path) -> Callable[[list[str]], list[int]]:
    """Return a function that counts the tokens of each text with the tokenizer in this folder, without special tokens.

    The tokenizer is loaded at the first call, which raises as :func:`load_tokenizer`.
    """

    def count(texts: list[str]) -> list[int]:
        tokenizer = load_tokenizer(model)
        batches = (texts[i : i + 100] for i in range(0, len(texts), 100))
        return [
            len(tokens)
            for batch in batches
            for tokens in tokenizer(batch, add_special_tokens=False, verbose=False).input_ids
        ]

    return count


def load_tokenizer(model: Path) -> Any:
    """Return the tokenizer of a folder. Cached: loading takes half a second, and every gate and stage needs it.

    Raises:
        UsageError: if it cannot be read.
    """
    return _tokenizer(model, tuple(p.stat().st_mtime_ns for p in sorted(model.glob("*.j*"))))


@functools.lru_cache(maxsize=2)
def _tokenizer(model: Path, changed: tuple[int, ...]) -> Any:
    """Load the tokenizer of a folder whose files changed at these times."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(model, trust_remote_code=False)
    except Exception as error:  # noqa: BLE001 - a damaged file can make its parser raise anything
        if _names_code(model):
            raise UsageError(
                f"the tokenizer in {model} needs Python code of its own (auto_map), which is never run",
                fix="choose another model; or, if the folder has a complete tokenizer.json, remove auto_map and "
                "tokenizer_class from tokenizer_config.json",
            ) from None
        reason = " ".join(str(error).split())[:200]
        raise UsageError(
            f"the tokenizer in {model} cannot be read: {type(error).__name__}: {reason}",
            fix=SAVED,
        ) from None


def _names_code(model: Path) -> bool:
    """Whether the settings of a tokenizer name a class outside the library."""
    try:
        return "auto_map" in json.loads((model / "tokenizer_config.json").read_text("utf-8"))
    except (OSError, ValueError, TypeError, RecursionError):
        return False


def _stops(model: Path) -> set[int]:
    """Return the end tokens in the generation settings; a model may have several. Where there is no file with such
    settings, the library takes those of the configuration, and so does this."""
    path = model / "generation_config.json"
    path = path if path.is_file() else model / "config.json"
    try:
        settings = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        ends = settings.get("eos_token_id")
        if ends is None and path.name == "config.json":
            ends = (settings.get("text_config") or {}).get("eos_token_id")
        found = set(ends) if isinstance(ends, list) else set() if ends is None else {ends}
        if not all(isinstance(end, int) for end in found):
            raise ValueError("eos_token_id must be a number, or a list of numbers")
        return found
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read: {error}", fix=SAVED) from None
