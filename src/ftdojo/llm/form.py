"""The forms of an answer. Each has a reader that tolerates text around the answer and names the faults in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError

from ftdojo.schema import nesting

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
M = TypeVar("M", bound=BaseModel)

MAX_REPLY_CHARS = 200_000
MAX_DEPTH = 20
PROSE_CHARS = 500
_FENCE = "```"


Prose = Annotated[str, BeforeValidator(lambda value: value[:PROSE_CHARS] if isinstance(value, str) else value)]
"""Text that is only shown and recorded: it is cut if too long, because its length is no reason to ask again."""


class Unusable(Exception):  # noqa: N818 - a reply is unusable; nothing went wrong in the program
    """A reply that is not in the form that was asked for. The message names the faults for the model."""


class Form(Protocol[T_co]):
    """A form and its reader."""

    @property
    def schema(self) -> dict[str, Any] | None:
        """The JSON schema, if the form is JSON."""

    @property
    def instruction(self) -> str:
        """The form in words, for servers that do not enforce it."""

    def read(self, reply: str) -> T_co:
        """Read the content of a reply.

        Raises:
            Unusable: if it is not in this form.
        """


class JsonForm(Generic[M]):
    """A JSON object that validates as ``model``, with an optional further check of its values."""

    def __init__(self, model: type[M], check: Callable[[M], list[str]] = lambda _: []) -> None:
        self._model, self._check = model, check
        self.schema: dict[str, Any] = _strip_schema(model.model_json_schema())

    @property
    def instruction(self) -> str:
        """Asks for the object only, and gives its schema."""
        return f"Answer with one JSON object and nothing else. Its JSON schema:\n{json.dumps(self.schema)}"

    def read(self, reply: str) -> M:
        """The first JSON object in the reply, validated."""
        try:
            value = self._model.model_validate(first_object(reply))
        except ValidationError as error:
            raise Unusable("; ".join(_describe_fault(fault) for fault in error.errors()[:8])) from None
        if problems := self._check(value):
            raise Unusable("; ".join(problems[:8]))
        return value


def _strip_schema(schema: Any) -> Any:
    """Remove from a schema what no server needs: titles, which cost tokens, and maximum lengths, which some servers
    turn into a grammar with a rule for every character and then fail. Lengths are validated when the answer is read."""
    if isinstance(schema, list):
        return [_strip_schema(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _strip_schema(part)
        for name, part in schema.items()
        if name != "maxLength" and not (name == "title" and isinstance(part, str))
    }


def _describe_fault(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"]) or "the object"
    given = "" if fault["type"] == "missing" else f" (got {str(fault.get('input'))[:60]!r})"
    return f"field '{where}': {fault['msg']}{given}"


def first_object(reply: str) -> dict[str, Any]:
    """Find the first JSON object in a text: the whole text, in a fence, or after other words.

    Raises:
        Unusable: if there is none, or it is truncated, too large, or too deeply nested.
    """
    if len(reply) > MAX_REPLY_CHARS:
        raise Unusable(f"the reply has {len(reply)} characters; a few hundred are enough")
    start = reply.find("{")
    if start < 0:
        raise Unusable("the reply contains no JSON object" if reply.strip() else "the reply is empty")
    if nesting(reply, start) > MAX_DEPTH:
        raise Unusable("the JSON is nested too deeply")
    try:
        value, _ = json.JSONDecoder().raw_decode(reply, start)
    except (ValueError, RecursionError) as error:
        raise Unusable(f"the JSON object cannot be parsed: {str(error)[:120]}") from None
    assert isinstance(value, dict)
    return value


def _fenced(reply: str) -> Iterator[tuple[str, str]]:
    """Yield info string and content of every closed fenced block. It reads line by line: a regular expression would
    search from every opening fence to the end of the reply."""
    info, begun = "", None
    lines = reply.split("\n")
    for number, line in enumerate(lines):
        mark = line.strip(" \t\r")
        if begun is None and mark.startswith(_FENCE) and "`" not in mark[len(_FENCE) :]:
            info, begun = mark[len(_FENCE) :].strip(), number + 1
        elif begun is not None and mark == _FENCE:
            yield info, "".join(f"{text}\n" for text in lines[begun:number])
            begun = None


class Blocks:
    """Files in fenced blocks. The info string or first line of a block names its file, else its language decides."""

    schema: dict[str, Any] | None = None

    def __init__(self, wanted: Mapping[str, str], *, needed: str) -> None:
        """Expect some of the ``wanted`` files (name -> language of its fence), among them ``needed`` if it is not
        empty."""
        self._wanted, self._needed = wanted, needed

    @property
    def instruction(self) -> str:
        """An example of the form."""
        shown = "\n".join(f"```{language} {name}\n…\n```" for name, language in self._wanted.items())
        return f"Answer with the whole file in a fenced block that names it:\n{shown}"

    def read(self, reply: str) -> dict[str, str]:
        """File name -> content."""
        if len(reply) > MAX_REPLY_CHARS:
            raise Unusable(f"the reply has {len(reply)} characters; a file has at most a few thousand")
        found: dict[str, str] = {}
        for info, content in _fenced(reply):
            name = self._name(info, content)
            if name is not None and content.strip():
                found.setdefault(name, content)
        if not found or (self._needed and self._needed not in found):
            wanted = self._needed or " or ".join(self._wanted)
            raise Unusable(f"the reply has no complete fenced block with {wanted}")
        return found

    def _name(self, info: str, content: str) -> str | None:
        first_line = content.lstrip().partition("\n")[0]
        for name in self._wanted:
            if name in info or (first_line.startswith("#") and name in first_line):
                return name
        language = (info.split() or [""])[0].lower().replace("yml", "yaml").replace("py3", "python")
        same = [name for name, known in self._wanted.items() if known == language]
        return same[0] if len(same) == 1 else None
