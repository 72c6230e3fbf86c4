"""Rows of preferences: a prompt with the answer that is better, and the one that is worse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from ftdojo.contract.row import SAMPLED, SUBTASK, Row, parse_row
from ftdojo.contract.task_spec import Message
from ftdojo.models import Chat
from ftdojo.training.backend import Tokenized
from ftdojo.training.sft.tokens import Example, cut_rows, encode

FORM = "prompt, chosen and rejected"
OPTIONAL = frozenset({SUBTASK, SAMPLED, "tools"})
"""Further keys that a row may have."""


@dataclass(frozen=True)
class Preference(Row):
    """A prompt and two answers: ``completion`` is the chosen one."""

    rejected: Row = field(kw_only=True)
    """The same prompt with the rejected answer."""

    @property
    def chosen(self) -> Row:
        """The prompt with the chosen answer alone."""
        return Row(self.prompt, self.completion, self.subtask, reply=self.reply)

    @property
    def turns(self) -> tuple[str, ...]:
        """The text of every turn: the prompt's, the rejected answer, the chosen one."""
        return (*self.rejected.turns, self.chosen.turns[-1])

    def with_texts(self, texts: Sequence[str]) -> Row:
        """Return the same row with other ``texts``, equal in number and order."""
        *given, rejected, chosen = texts
        two = [self.chosen.with_texts([*given, chosen]).source, self.rejected.with_texts([*given, rejected]).source]
        answers = {name: row["messages"][-1:] for name, row in zip(("chosen", "rejected"), two, strict=True)}
        more = {key: two[0][key] for key in OPTIONAL if key in two[0]}
        return parse_preference({"prompt": two[0]["messages"][:-1], **answers, **more})


def parse_preference(row: Mapping[str, Any]) -> Preference:
    """Parse one row of a preference.

    ``prompt`` is a text, or a list of messages. ``chosen`` and ``rejected`` are texts, or lists of one message of the
    assistant. Without ``prompt`` both are whole conversations that differ in their last message. ``subtask`` and
    ``tools`` are as in other rows.

    Raises:
        ValueError: with the fault of the row.
    """
    keys = row.keys() - OPTIONAL
    if keys not in ({"prompt", "chosen", "rejected"}, {"chosen", "rejected"}):
        raise ValueError(f"keys {sorted(map(str, row.keys()))} are not {FORM}")
    chosen, rejected = (parse_conversation(row, name) for name in ("chosen", "rejected"))
    if chosen.prompt != rejected.prompt:
        raise ValueError("the turns before the last one differ between 'chosen' and 'rejected'")
    return Preference(
        chosen.prompt, chosen.completion, chosen.subtask, source=row, reply=chosen.reply, rejected=rejected
    )


def parse_conversation(row: Mapping[str, Any], name: str) -> Row:
    """Parse the prompt of a row with the answer that has this key.

    Raises:
        ValueError: with the fault of the row.
    """
    answer, given = _messages(row[name], name, "assistant"), []
    if "prompt" in row:
        given = _messages(row["prompt"], "prompt", "user")
        if len(answer) != 1:
            raise ValueError(f"'{name}' must be text, or a list of one message")
    try:
        return parse_row({"messages": [*given, *answer], **{key: row[key] for key in OPTIONAL if key in row}})
    except ValueError as error:
        raise ValueError(f"'prompt' with '{name}': {error}") from None


def _messages(value: Any, name: str, role: str) -> list[Any]:
    """Return the messages of a list, or of a text that is one message."""
    if isinstance(value, str) and not value.strip():
        raise ValueError(f"'{name}' is empty")
    return value if isinstance(value, list) else [{"role": role, "content": value}]


@dataclass(frozen=True, slots=True)
class Pair:
    """One tokenized preference."""

    chosen: Example
    rejected: Example
    reference: tuple[float, float] = (0.0, 0.0)
    """Log-probabilities of the chosen and of the rejected answer before the training, in nats."""

    @property
    def tokens(self) -> int:
        """Number of tokens that pass through the model: those of both sequences."""
        return self.chosen.tokens + self.rejected.tokens

    @property
    def label_tokens(self) -> int:
        """Number of tokens of the chosen answer; 0 if nothing is left of one of the answers."""
        return self.chosen.label_tokens if self.rejected.label_tokens else 0

    @property
    def sequences(self) -> tuple[Example, ...]:
        """Both sequences, the chosen one first."""
        return (self.chosen, self.rejected)

    def cut(self, max_length: int) -> Self:
        """Return the pair with both sequences cut at their ends."""
        return replace(self, chosen=self.chosen.cut(max_length), rejected=self.rejected.cut(max_length))


def tokenize_pairs(rows: Sequence[Row], base: Path, *, max_length: int) -> Tokenized[Pair]:
    """Tokenize preferences for the model in ``base``. Labels are the answers, each with the token that ends it.

    Raises:
        InputError: if the model's template cannot be used for one of the rows (``bad_template``).
        UsageError: if the model has no chat template.
    """
    chat, whole = Chat(base), []
    for number, row in enumerate(rows, start=1):
        assert isinstance(row, Preference)
        chosen, rejected = (encode_answer(chat, r.messages, number) for r in (row.chosen, row.rejected))
        whole.append(Pair(chosen, rejected))
    return cut_rows(whole, max_length)


def encode_answer(chat: Chat, messages: Sequence[Message], number: int) -> Example:
    """Tokenize the conversation of row ``number``. The last turn is learned: the others are shared by both answers.

    Raises:
        InputError: if the model's template cannot be used for it (``bad_template``).
    """
    *given, last = messages
    shared = [{**turn, "weight": 0} if turn["role"] == "assistant" else turn for turn in given]
    return encode(chat, [*shared, last], number)
