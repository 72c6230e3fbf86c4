"""The form of rows: a table, pairs, Alpaca, ShareGPT or OpenAI messages; and which columns are prompt and answer."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ftdojo.contract.recipe_program.templates import to_text
from ftdojo.contract.task_spec import Record
from ftdojo.data.intake.answers import EACH, are_classes
from ftdojo.errors import UsageError
from ftdojo.tasks.template import fields_of, is_template, variable

ANSWERS = (
    *("answer", "label", "labels", "output", "completion", "response", "target", "class", "category", "sentiment"),
    *("gold", "solution", "intent", "answers", "y"),
)
"""Names of a column with the answer, the likeliest first."""
_PREFERENCE = ("chosen", "rejected")
"""A better and a worse answer to one prompt."""
_NO_PROMPT = {"", "id", "idx", "index", "uuid", "unnamed: 0", "row_id", "key"}
_ROLES = {
    "human": "user",
    "gpt": "assistant",
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
}
_PICTURE = re.compile(r"^(b['\"]\\x|iVBORw0KGgo|/9j/4|data:image/|R0lGOD)")
"""The text of a picture's bytes: as Python writes it, or in base64."""
SAMPLE = 500
NUMBERING = 0.9
"""A column numbers the rows if this share of its integers is greater than the one before."""
DIGITS = 18
"""A longer number is none of a row."""


@dataclass(frozen=True, slots=True)
class Form:
    """How rows become prompts and answers."""

    name: str
    rows: list[Record]
    """In the form of a table."""
    prompt: str
    """Jinja template."""
    answer: str
    """Name of a column."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Reason -> conversations that are none of the rows."""
    origins: dict[int, int] = field(default_factory=dict)
    """``id`` of a row -> that of the row of the source which it was made of, where that is another one."""
    remarks: tuple[str, ...] = ()
    """What of the columns is not, or perhaps should not be, asked."""


def find_form(rows: Sequence[Record], *, prompt: str | None, answer: str | None) -> Form:
    """Find the form of rows. ``prompt`` (a column or a template) and ``answer`` (a column) are what the user wishes.

    Raises:
        UsageError: if a column does not exist, or none can be chosen.
    """
    for key, name in (("messages", "OpenAI messages"), ("conversations", "ShareGPT")):
        if answer is None and any(isinstance(row.get(key), list) for row in rows[:SAMPLE]):
            return _conversations(name, key, rows, prompt)
    columns = _columns(rows)
    if answer is not None:
        _require(answer, columns, "--answer")
    if answer is None and {"instruction", "output"} <= columns.keys():
        alpaca = "{{ instruction }}{% if input %}\n\n{{ input }}{% endif %}"
        return Form("Alpaca", list(rows), _wished(prompt, columns) or alpaca, "output")
    chosen = (
        answer or next((columns[name] for name in ANSWERS if name in columns), None) or _only_classes(rows, columns)
    )
    if chosen is None:
        shown = ", ".join(f"'{name}'" for name in columns.values())
        if columns.keys() >= set(_PREFERENCE):
            raise UsageError(
                f"the rows are preferences, and a task is scored by one right answer: {shown}",
                fix=f"take the better one with --answer {columns[_PREFERENCE[0]]}; docs/preferences.md says how to "
                "train on pairs",
            )
        raise UsageError(f"it is not clear which column holds the answer: {shown}", fix="name it with --answer COLUMN")
    kept, origins = _texts_of_spans(rows, chosen)
    wished = _wished(prompt, columns)
    if wished is not None:
        return Form("table", kept, wished, chosen, origins=origins)
    default, remarks = _default_prompt(kept, columns, chosen)
    return Form("table", kept, default, chosen, origins=origins, remarks=remarks)


def _conversations(name: str, key: str, rows: Sequence[Record], prompt: str | None) -> Form:
    """Return conversations as rows with a prompt and an answer.

    Raises:
        UsageError: if none has both.
    """
    kept: list[Record] = []
    origins: dict[int, int] = {}
    left_out: Counter[str] = Counter()
    for row in rows:
        turned = _conversation(row[key]) if isinstance(row.get(key), list) else _NO_ANSWER
        if isinstance(turned, str):
            left_out[turned] += 1
        else:
            kept.append(turned)
            origins[id(turned)] = id(row)
    if not kept:
        words = {
            _NO_ANSWER: "have no answer of the assistant",
            _TOOLS: "call tools",
            _FORM: "have turns of another form",
        }
        found = ", ".join(f"{count} {words[reason]}" for reason, count in left_out.items())
        raise UsageError(
            f"none of the {len(rows)} conversations can be asked: {found}",
            fix="give conversations of texts, with turns of system, user and assistant, whose last answer is a text; "
            "write the call of a tool as that text",
        )
    return Form(name, kept, prompt or "{{ prompt }}", "answer", left_out, origins)


def _texts_of_spans(rows: Sequence[Record], answer: str) -> tuple[list[Record], dict[int, int]]:
    """Return rows in which an answer in the form of SQuAD, texts with their places, is the list of its texts."""
    kept: list[Record] = []
    origins: dict[int, int] = {}
    for row in rows:
        value = row.get(answer)
        new = row
        if isinstance(value, dict) and value.keys() == {"text", "answer_start"} and isinstance(value["text"], list):
            new = {**row, answer: list(dict.fromkeys(map(to_text, value["text"]))) or None}
            origins[id(new)] = id(row)
        kept.append(new)
    return kept, origins


def _only_classes(rows: Sequence[Record], columns: dict[str, str]) -> str | None:
    """Return the column that holds classes, if exactly one does."""
    texts = {name: [text for row in rows if (text := text_of(row.get(name)))] for name in columns.values()}
    found = [name for name, values in texts.items() if values and are_classes(values)]
    return found[0] if len(found) == 1 else None


def _columns(rows: Sequence[Record]) -> dict[str, str]:
    """Return all columns in their order: the name in small letters, and the name."""
    return {str(name).strip().lower(): str(name) for row in rows for name in row}


def _require(name: str, columns: dict[str, str], option: str) -> None:
    if name not in columns.values():
        shown = ", ".join(f"'{column}'" for column in columns.values())
        raise UsageError(f"{option}: there is no column '{name}'", fix=f"the columns are {shown}")


def _wished(prompt: str | None, columns: dict[str, str]) -> str | None:
    if prompt is None:
        return None
    if is_template(prompt):
        try:
            names = fields_of(prompt)
        except ValueError as error:
            raise UsageError(f"--prompt: {error}", fix="write {{ column }} where a column's text is due") from None
        for name in sorted(names):
            _require(name, columns, "--prompt")
        return prompt
    _require(prompt, columns, "--prompt")
    return _insert(prompt)


def _default_prompt(rows: Sequence[Record], columns: dict[str, str], answer: str) -> tuple[str, tuple[str, ...]]:
    """Return a template of all columns with text, but for the answer, what says the same, and numbers of rows; and
    remarks about columns that say the answer."""
    names = [name for low, name in columns.items() if name != answer and low not in _NO_PROMPT]
    if answer.lower() in _PREFERENCE:
        names = [name for name in names if name.lower() not in _PREFERENCE]
    pictures = [name for name in names if any(_is_picture(row.get(name)) for row in rows[:SAMPLE])]
    numbering = [name for name in names if _counts_rows([row.get(name) for row in rows])]
    names = [name for name in names if name not in numbering and name not in pictures]
    chosen = [name for name in names if any(row.get(name) not in (None, "") for row in rows)]
    if not chosen:
        held = f"the column '{pictures[0]}' holds the bytes of pictures" if pictures else "there is no other column"
        raise UsageError(
            f"no column can be the prompt: {held}", fix="give a column with text; ftdojo trains models of text"
        )
    remarks: list[str] = []
    for name in chosen if len(chosen) > 1 else []:
        told = _tells(rows, name, answer)
        if told == "same":
            remarks.append(
                f"the column '{name}' says the same as the answer, and is left out of the prompt; --answer takes it "
                "in place of the other"
            )
        elif told:
            remarks.append(
                f"the column '{name}' alone tells the answer: if it is not known when the model is asked, name the "
                "columns that are with --prompt"
            )
    asked = [name for name in chosen if _tells(rows, name, answer) != "same"] or chosen
    if len(asked) == 1:
        return _insert(asked[0]), tuple(remarks)
    return "".join(_line(name) for name in asked), tuple(remarks)


def _tells(rows: Sequence[Record], column: str, answer: str) -> str:
    """Return whether a column tells the answer: ``same`` if each follows from the other, ``tells`` if the answer
    follows from it, otherwise blank. Its values must have several rows each, or be the answers themselves."""
    pairs = [(one, other) for row in rows if (one := text_of(row.get(column))) and (other := text_of(row.get(answer)))]
    found = set(pairs)
    ones, others = ({pair[side] for pair in found} for side in (0, 1))
    if not pairs or len(others) == 1 or len(found) > len(ones):
        return ""
    if all(one == other for one, other in found):
        return "same"
    if len(pairs) < EACH * len(ones):
        return ""
    return "same" if len(found) == len(others) else "tells"


def _insert(column: str) -> str:
    return f"{{{{ {variable(column)} }}}}"


def _line(column: str) -> str:
    """Return the template of a line with a column's name and text, and of no line where it is missing."""
    name = variable(column)
    return f'{{% if {name} is not none and {name} != "" %}}{_literal(column)}: {_insert(column)}\n{{% endif %}}'


def _counts_rows(values: Sequence[Any]) -> bool:
    """Whether a column only numbers the rows: integers that grow from row to row, apart from a few."""
    present = [value for value in values if value not in (None, "")]
    numbers = [int(value) for value in present if str(value).isdecimal() and len(str(value)) < DIGITS]
    growing = sum(one < other for one, other in itertools.pairwise(numbers))
    return len(numbers) == len(present) and growing >= NUMBERING * (len(numbers) - 1)


def _literal(text: str) -> str:
    """Return a text as a template that renders to it."""
    return text if not re.search(r"[{}]", text) else "{{ " + repr(text) + " }}"


def _is_picture(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_is_picture, value.values()))
    return isinstance(value, bytes) or (isinstance(value, str) and bool(_PICTURE.match(value)))


_NO_ANSWER = "is a conversation without an answer"
_TOOLS = "is a conversation that calls tools"
_FORM = "is a conversation with turns of another form"


def _conversation(turns: Any) -> Record | str:
    """Return prompt and answer of a conversation: its last turn of the assistant, and all that comes before; or the
    reason why it has none."""
    if any(isinstance(turn, dict) and (turn.get("tool_calls") or turn.get("role") == "tool") for turn in turns):
        return _TOOLS
    read: list[tuple[str, str]] = []
    for turn in turns:
        role = _ROLES.get(str(turn.get("role", turn.get("from")))) if isinstance(turn, dict) else None
        text = _joined(turn.get("content", turn.get("value"))) if isinstance(turn, dict) else None
        if role is None or text is None:
            return _FORM
        read.append((role, text))
    while read and read[-1][0] != "assistant":
        read.pop()
    before = [(role, text) for role, text in read[:-1] if text.strip()]
    if not before or not read[-1][1].strip():
        return _NO_ANSWER
    if sum(role != "system" for role, _ in before) == 1:
        return {"prompt": "\n\n".join(text for _, text in before), "answer": read[-1][1]}
    shown = (text if role == "system" else f"{role.capitalize()}: {text}" for role, text in before)
    return {"prompt": "\n\n".join([*shown, "Assistant:"]), "answer": read[-1][1]}


def _joined(content: Any) -> str | None:
    """Return the text of a turn: a text, or the parts of one; ``None`` for anything else."""
    if isinstance(content, list):
        parts = [
            part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in content
        ]
        texts = [part for part in parts if isinstance(part, str)]
        return "".join(texts) if len(texts) == len(parts) else None
    return content if isinstance(content, str) else None


def text_of(value: Any) -> str:
    """Return the text of an answer; blank for what holds bytes."""
    return "" if holds_bytes(value) else to_text(value).strip()


def holds_bytes(value: Any) -> bool:
    """Whether a value is bytes, or an object or list with bytes in it, as hub sets have pictures."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, bytes) or any(map(holds_bytes, inner))
