"""Chat templates as text: a fixed date, thinking turned on or off, and templates for models that have none.

A setting is written into the template itself. So whatever renders it, the training, an inference server or the program
of someone who got the exported model, makes the same prompts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from ftdojo.contract.options import Thinking

DAY = datetime(2024, 7, 26, tzinfo=UTC)
"""The day that templates get instead of today, so that prompts do not change with the day. Llama's own templates use it
where they know no date."""
SWITCHES = ("enable_thinking", "thinking")
"""The variables with which templates let a caller turn thinking on and off."""
MARKS = (
    ("<think>", "</think>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("[THINK]", "[/THINK]"),
    ("<seed:think>", "</seed:think>"),
    ("<|channel>thought\n", "<channel|>"),
)
"""The marks in which models write their reasoning. The first pair is the one that scorers know."""
OPEN, CLOSE = MARKS[0]
_REASONING = re.compile(r"reasoning_content|enable_thinking|(\.|'|\")(thinking|reasoning)\b")
_SETTING: Mapping[str, Thinking] = MappingProxyType(
    {"{#- ftdojo: thinking is on #}": "on", "{#- ftdojo: thinking is off #}": "off"}
)
"""The comment at the beginning of a template -> what was set."""
_DATE = re.compile(r"""strftime_now\(\s*(?:"([^"]*)"|'([^']*)')\s*\)""")
_TURNS = (
    "{%- for message in messages %}"
    "{%- if message['role'] == 'assistant' %}{{- answer + message['content'] + eos_token }}"
    "{%- else %}{{- begin[message['role']] + message['content'] + end }}{%- endif %}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- answer }}{%- endif %}"
)
BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "chatml": "{%- set begin = {'system': '<|im_start|>system\\n', 'user': '<|im_start|>user\\n',"
        " 'tool': '<|im_start|>tool\\n'} %}"
        "{%- set end = '<|im_end|>\\n' %}{%- set answer = '<|im_start|>assistant\\n' %}" + _TURNS,
        "plain": "{%- set begin = {'system': '', 'user': 'User: ', 'tool': 'Tool: '} %}"
        "{%- set end = '\\n\\n' %}{%- set answer = 'Assistant: ' %}" + _TURNS,
    }
)
"""Templates for models without one, by name. An answer ends with the model's own end token, which it knows already."""


def pin_date(template: str) -> str:
    """Return the template with :data:`DAY` wherever it asks for the day."""

    def written(call: re.Match[str]) -> str:
        return repr(DAY.strftime(call[1] if call[2] is None else call[2]))

    pinned = _DATE.sub(written, template)
    if "strftime_now(" in pinned:  # with a computed format
        return f"{{%- macro strftime_now(form) -%}}{DAY:%d %b %Y}{{%- endmacro -%}}" + pinned
    return pinned


def switch_thinking(template: str, thinking: Thinking) -> str:
    """Return the template with its own switches for thinking set; unchanged if it has none."""
    if thinking == "auto":
        return template
    known = [name for name in SWITCHES if re.search(rf"(?<![\w.']){name}\b", template)]
    value = "true" if thinking == "on" else "false"
    return "".join(f"{{%- set {name} = {value} %}}" for name in known) + template


def write_setting(template: str, thinking: Thinking) -> str:
    """Return the template with a comment that says what was set."""
    return next(comment for comment, setting in _SETTING.items() if setting == thinking) + template


def read_setting(template: str) -> Thinking:
    """Return what :func:`write_setting` has written; ``auto`` if it has written nothing."""
    return next((setting for comment, setting in _SETTING.items() if template.startswith(comment)), "auto")


def extend_prompt(template: str, text: str) -> str:
    """Return the template with ``text`` at the end of every prompt."""
    written = text.replace("\\", "\\\\").replace("\n", "\\n").replace("'", "\\'")
    return template.removesuffix("\n") + f"{{% if add_generation_prompt %}}{{{{ '{written}' }}}}{{% endif %}}"


def knows_thinking(template: str) -> bool:
    """Whether the template has a form for the model's reasoning."""
    return bool(_REASONING.search(template)) or any(mark.strip() in template for pair in MARKS for mark in pair)


def marks_of(template: str) -> tuple[str, str]:
    """Return the marks in which the template's model writes its reasoning."""
    return next((pair for pair in MARKS if any(mark.strip() in template for mark in pair)), MARKS[0])
