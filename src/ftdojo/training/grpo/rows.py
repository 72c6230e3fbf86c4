"""Rows of a training on rewards: evaluation items, made from raw rows, whose answers the task's scorer can judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from ftdojo.contract.row import SUBTASK, Row, parse_row
from ftdojo.contract.task_spec import Record
from ftdojo.models import Chat
from ftdojo.tasks.spec import Task
from ftdojo.training.backend import Tokenized
from ftdojo.training.grpo.config import GrpoConfig
from ftdojo.training.sft.tokens import IGNORED, Example, cut_rows, encode

FORM = "item, a record in the form of the task's evaluation items"


@dataclass(frozen=True)
class ItemRow(Row):
    """A prompt that the task renders from an item. ``completion`` is the item's gold answer, which is not learned from:
    checks need it."""

    item: Record | None = field(kw_only=True)
    """What the scorer judges answers by; ``None`` if no answer is rewarded."""

    def with_texts(self, texts: Sequence[str]) -> Row:
        """Return a row with other ``texts``, equal in number and order. No answer to it is rewarded, as the item is
        not the one of these texts."""
        *prompt, last = super().with_texts(texts).messages
        source = {"item": None, "prompt": prompt, "completion": last["content"]}
        return _parse_unrewarded(source | ({SUBTASK: self.subtask} if self.subtask else {}))


def parse_item(row: Mapping[str, Any], task: Task) -> ItemRow:
    """Parse one row of a training on rewards.

    It has the key ``item``, and may name its ``subtask``, which otherwise is that of the item.

    Raises:
        ValueError: with the fault of the row.
    """
    if row.keys() - {SUBTASK} == {"item", "prompt", "completion"} and row["item"] is None:
        return _parse_unrewarded(row)
    if row.keys() - {SUBTASK} != {"item"} or not isinstance(row["item"], dict):
        raise ValueError(f"keys {sorted(map(str, row.keys()))} are not {FORM}")
    item = row["item"]
    try:
        prompt, gold = list(task.prompt(item)), task.gold(item)
    except Exception as error:  # noqa: BLE001 - a hostile item can raise anything; it is a fault of its row
        reason = f"has no field {error}" if isinstance(error, KeyError) else str(error)[:200]
        raise ValueError(f"'item' is none of this task: {reason}") from None
    if not gold.strip():
        raise ValueError("the scorer finds no right answer in 'item'")
    subtask = row.get(SUBTASK, item.get(SUBTASK) if isinstance(item.get(SUBTASK), str) else "")
    parsed = parse_row({"messages": [*prompt, {"role": "assistant", "content": gold}], SUBTASK: subtask})
    return ItemRow(parsed.prompt, parsed.completion, parsed.subtask, source=row, item=item)


def _parse_unrewarded(row: Mapping[str, Any]) -> ItemRow:
    """Parse a row that :meth:`ItemRow.with_texts` made."""
    if not isinstance(row["prompt"], list):
        raise ValueError("'prompt' must be a list of messages")
    answer = {"role": "assistant", "content": row["completion"]}
    parsed = parse_row({"messages": [*row["prompt"], answer], SUBTASK: row.get(SUBTASK, "")})
    return ItemRow(parsed.prompt, parsed.completion, parsed.subtask, source=row, item=None)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One tokenized row."""

    row: ItemRow
    asked: list[int]
    """The tokens of the prompt."""
    gold: Example
    """The prompt with the gold answer, whose tokens are the labels; cut at its end."""
    limit: int
    """The task's longest answer, in tokens."""
    number: int = 0
    """Its position among the rows of a training."""

    @property
    def tokens(self) -> int:
        """Number of tokens of the prompt with the gold answer."""
        return self.gold.tokens

    @property
    def label_tokens(self) -> int:
        """Number of tokens of the gold answer."""
        return self.gold.label_tokens

    @property
    def sequences(self) -> tuple[Example, ...]:
        """The prompt with the gold answer."""
        return (self.gold,)

    def cut(self, max_length: int) -> Self:
        """Return the row with the gold answer cut at its end. A prompt that leaves no room for it has no label then."""
        return replace(self, gold=self.gold.cut(max_length))

    def answer_limit(self, config: GrpoConfig) -> int:
        """Return the longest answer of a training, in tokens."""
        return max(1, min(config.answer_limit(self.limit), config.max_length - len(self.asked)))

    def with_answers(self, answers: Sequence[list[int]]) -> Group:
        """Return the sequences of the prompt with each of these answers, given as their tokens."""
        ignored = [IGNORED] * len(self.asked)
        return Group(tuple(Example(self.asked + answer, ignored + answer) for answer in answers))


@dataclass(frozen=True, slots=True)
class Group:
    """A prompt with several answers, as they pass through the model."""

    sequences: tuple[Example, ...]

    @property
    def tokens(self) -> int:
        """Number of tokens of all sequences."""
        return sum(sequence.tokens for sequence in self.sequences)

    @property
    def label_tokens(self) -> int:
        """Number of tokens of all answers."""
        return sum(sequence.label_tokens for sequence in self.sequences)

    def cut(self, max_length: int) -> Self:
        """Return the group with every sequence cut at its end."""
        return replace(self, sequences=tuple(sequence.cut(max_length) for sequence in self.sequences))


def tokenize_items(rows: Sequence[Row], base: Path, *, max_length: int, limit: int) -> Tokenized[Prompt]:
    """Tokenize rows for the model in ``base``; ``limit`` is the task's longest answer, in tokens.

    Raises:
        InputError: if the model's template cannot be used for one of the rows (``bad_template``).
        UsageError: if the model has no chat template.
    """
    chat, whole = Chat(base), []
    for number, row in enumerate(rows, start=1):
        assert isinstance(row, ItemRow)
        tokens, asked = encode(chat, row.messages, number).input_ids, chat.prompt(row.prompt)
        gold = Example(tokens, [IGNORED] * len(asked) + tokens[len(asked) :])
        whole.append(Prompt(row, asked, gold, limit))
    return cut_rows(whole, max_length)
