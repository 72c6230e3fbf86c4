"""Chat templates rendered by the child process, which imports only a part of transformers."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoTokenizer

import chat_families as families
from ftdojo.models.rendering import Renderer, Turns

EVERYTHING = (
    "{{ bos_token }}{% for tool in tools or [] %}{{ tool | tojson(indent=2) }}{% endfor %}"
    "{% set found = namespace(n=0) %}\n"
    "{% for m in messages %}\n    {% if m.role == 'tool' %}{% continue %}{% endif %}"
    "{% generation %}{{ m.reasoning_content }}{{ m.content | tojson }}{% endgeneration %}"
    "{% set found.n = found.n + 1 %}{% endfor %}\n"
    "{{ found.n }}{{ strftime_now('%Z') }}{{ dict(a=1) }}{% if add_generation_prompt %}>{% endif %}"
)
"""What transformers adds to Jinja: filters, functions, loop controls, and how white space is cut."""
TURNS = [
    {"role": "user", "content": "ü <b> & 'x'"},
    {"role": "assistant", "content": "y", "thinking": "z"},
    {"role": "tool", "content": "left out"},
]
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


@pytest.mark.parametrize("template", [EVERYTHING, families.SWITCH, families.OPENED])
@pytest.mark.parametrize("ask", [True, False])
def test_the_text_is_that_of_the_tokenizer(template: str, ask: bool, tiny_model: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    expected = tokenizer.apply_chat_template(
        TURNS, TOOLS, chat_template=template, add_generation_prompt=ask, tokenize=False
    )
    renderer = Renderer(template, tokenizer.special_tokens_map)
    assert renderer.render([Turns(TURNS, ask)], TOOLS) == [expected]


def test_files_in_the_current_folder_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("json", "jinja2", "transformers", "ftdojo"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    assert Renderer("{{ messages[0].content }}", {}).render([Turns(TURNS, ask=True)]) == ["ü <b> & 'x'"]
