"""Rows of answers that are judged one by one: a prompt, a completion, and whether it is good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftdojo.contract.row import Row
from ftdojo.models import Chat
from ftdojo.training.backend import Tokenized
from ftdojo.training.dpo.pairs import OPTIONAL, Pair, encode_answer, parse_conversation
from ftdojo.training.sft.tokens import cut_rows

FORM = "prompt, completion and label"


@dataclass(frozen=True)
class Judged(Row):
    """A prompt and an answer to it."""

    good: bool = field(kw_only=True)
    """What the label says of the answer."""

    def with_texts(self, texts: Sequence[str]) -> Row:
        """Return the same row with other ``texts``, equal in number and order."""
        changed = super().with_texts(texts)
        more = {key: changed.source[key] for key in OPTIONAL if key in changed.source}
        *prompt, answer = changed.source["messages"]
        return parse_judged({"prompt": prompt, "completion": [answer], "label": self.good, **more})


def parse_judged(row: Mapping[str, Any]) -> Judged:
    """Parse one row of a judged answer.

    ``prompt`` is a text, or a list of messages, ``completion`` a text, or a list of one message of the assistant.
    ``label`` is true or false. ``subtask`` and ``tools`` are as in other rows.

    Raises:
        ValueError: with the fault of the row.
    """
    if row.keys() - OPTIONAL != {"prompt", "completion", "label"}:
        raise ValueError(f"keys {sorted(map(str, row.keys()))} are not {FORM}")
    if not isinstance(row["label"], bool):
        raise ValueError("'label' must be true or false")
    parsed = parse_conversation(row, "completion")
    return Judged(parsed.prompt, parsed.completion, parsed.subtask, source=row, reply=parsed.reply, good=row["label"])


@dataclass(frozen=True, slots=True)
class JudgedPair(Pair):
    """One tokenized answer, and in place of a rejected one the answer of another row to the same prompt."""

    good: bool = field(kw_only=True)


def tokenize_judged(rows: Sequence[Row], base: Path, *, max_length: int) -> Tokenized[JudgedPair]:
    """Tokenize judged answers for the model in ``base``; the other answer is that of the row before.

    Raises:
        InputError: if the model's template cannot be used for one of the rows (``bad_template``).
        UsageError: if the model has no chat template.
    """
    chat, whole = Chat(base), []
    for number, row in enumerate(rows, start=1):
        assert isinstance(row, Judged)
        other = Row(row.prompt, rows[number - 2].completion, reply=rows[number - 2].reply)
        own, unmatched = (encode_answer(chat, answered.messages, number) for answered in (row, other))
        whole.append(JudgedPair(own, unmatched, good=row.good))
    return cut_rows(whole, max_length)
