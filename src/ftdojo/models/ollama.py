"""The chat template of a model for Ollama, in a ``Modelfile``.

Ollama renders conversations with a Go template, not with the Jinja template of the model. It is made here from the
texts that the Jinja template puts around turns, and only if these texts give the same prompts.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ftdojo.contract.task_spec import Message
from ftdojo.errors import UsageError
from ftdojo.models.chat import Chat, load_tokenizer

Render = Callable[[Sequence[Message]], str]
"""From turns that end with the user's to a prompt; raises ``ValueError`` if the template refuses them."""
_SYSTEM: Message = {"role": "system", "content": "\x01s\x01"}
_USER: Message = {"role": "user", "content": "\x01u\x01"}
_ANSWER: Message = {"role": "assistant", "content": "\x01a\x01"}


@dataclass(frozen=True, slots=True)
class Pieces:
    """The texts around the turns of a prompt."""

    default: str
    """At the beginning of a prompt without a system turn."""
    system: tuple[str, str] | None
    """Before and after a system turn; ``None`` if the template refuses one, or makes it part of another turn."""
    user: str
    """Before a user turn."""
    answer: tuple[str, str]
    """Around an earlier answer. The first one ends the user turn before it, too."""
    opening: str
    """Before the answer that is asked for, after the user turn."""

    def render(self, turns: Sequence[Message]) -> str:
        """Return a prompt that is made of these texts."""
        text = self.default if turns[0]["role"] != "system" else ""
        around = {"system": self.system or ("", ""), "user": (self.user, ""), "assistant": self.answer}
        for turn in turns:
            before, after = around[turn["role"]]
            text += before + turn["content"] + after
        return text + self.opening

    def go_template(self, begin: str) -> str:
        """Return the template in Go's language, for prompts to which ``begin`` is added anyway."""
        first = _literal(self.default.removeprefix(begin))
        if self.system is not None:
            before, after = self.system
            stated = _literal(before.removeprefix(begin)) + "{{ .System }}" + _literal(after)
            first = "{{ if .System }}" + stated + "{{ else }}" + first + "{{ end }}"
        user = _literal(self.user) + "{{ .Content }}"
        answer = _literal(self.answer[0]) + "{{ .Content }}" + _literal(self.answer[1])
        turns = '{{ if eq .Role "user" }}' + user + '{{ else if eq .Role "assistant" }}' + answer + "{{ end }}"
        return first + "{{ range .Messages }}" + turns + "{{ end }}" + _literal(self.opening)


def modelfile(model: Path, weights: str, *, max_new_tokens: int, adds_bos: bool) -> str:
    """Return the ``Modelfile`` of a GGUF file, with template and stop tokens.

    Args:
        model: the folder with the chat template and the tokenizer.
        weights: the name of the GGUF file, in the folder of the ``Modelfile``.
        max_new_tokens: most tokens of an answer.
        adds_bos: whether the token that begins a text is put before every prompt anyway.

    Raises:
        UsageError: if no template of this form gives the prompts of the model's template.
    """
    tokenizer, chat = load_tokenizer(model), Chat(model)

    def render(turns: Sequence[Message]) -> str:
        return chat.form.render([dict(turn) for turn in turns], ask=True)

    pieces = find_pieces(render)
    begin = str(tokenizer.bos_token or "") if adds_bos else ""
    if begin and not pieces.default.startswith(begin) and render([_USER]).startswith(begin):
        raise _refusal("the token that begins a text is part of every user turn")
    template = pieces.go_template(begin)
    if '"""' in template:
        raise _refusal('it contains """, which ends a text in a Modelfile')
    stops = sorted(str(tokenizer.decode([token])) for token in chat.stops)
    left_out = (
        [] if pieces.system else ["# System turns are left out: the model has none, or joins them with a user turn."]
    )
    return "\n".join(
        [
            *left_out,
            f"FROM ./{weights}",
            f'TEMPLATE """{template}"""',
            *(f"PARAMETER stop {json.dumps(text, ensure_ascii=False)}" for text in stops),
            "PARAMETER temperature 0",
            f"PARAMETER num_predict {max_new_tokens}",
            "",
        ]
    )


def find_pieces(render: Render) -> Pieces:
    """Return the texts that a chat template puts around turns.

    Raises:
        UsageError: if its prompts are not made of such texts alone.
    """
    try:
        head, _, tail = render([_USER]).partition(_USER["content"])
        several = render([_USER, _ANSWER, _USER])
    except ValueError as error:
        raise _refusal(str(error)) from None
    _, _, rest = several.partition(_USER["content"])
    middle, _, rest = rest.partition(_ANSWER["content"])
    between, _, _ = rest.partition(_USER["content"])
    # Between an answer and the next turn stand the end of the one and the beginning of the other.
    before = _common_end(between, head)
    pieces = Pieces(
        default=head.removesuffix(before),
        system=None,
        user=before,
        answer=(middle, between.removesuffix(before)),
        opening=tail,
    )
    asked: list[list[Message]] = [[_USER], [_USER, _ANSWER, _USER], [_USER, _ANSWER, _USER, _ANSWER, _USER]]
    for turns in asked:
        if pieces.render(turns) != render(turns):
            roles = ", ".join(turn["role"] for turn in turns)
            raise _refusal(f"a prompt with the turns {roles} is not made of the same texts around each turn")
    with_system = replace(pieces, system=_around_system(render, before))
    try:
        same = all(with_system.render([_SYSTEM, *turns]) == render([_SYSTEM, *turns]) for turns in asked)
    except ValueError:
        same = False
    return with_system if same else pieces


def _around_system(render: Render, before_user: str) -> tuple[str, str] | None:
    try:
        head, _, tail = render([_SYSTEM, _USER]).partition(_SYSTEM["content"])
    except ValueError:  # the template knows no system turn
        return None
    after, _, _ = tail.partition(_USER["content"])
    return head, after.removesuffix(before_user)


def _common_end(a: str, b: str) -> str:
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(reversed(a), reversed(b), strict=False))
    return "".join(x for x, _ in same)[::-1]


def _literal(text: str) -> str:
    """Return a text that a Go template renders as it is."""
    return text.replace("{{", '{{ "{{" }}')


def _refusal(reason: str) -> UsageError:
    return UsageError(
        f"the chat template of the model cannot be written for Ollama: {reason}",
        fix="leave --ollama out; llama-server and vLLM use the model's own template",
    )
