"""Chat templates become Ollama's only where the prompts are the same."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import jinja2
import pytest

import chat_families as families
from ftdojo.contract.task_spec import Message
from ftdojo.errors import UsageError
from ftdojo.models import rendering
from ftdojo.models.ollama import Render, find_pieces, modelfile

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
LLAMA = (
    "<s>{% for m in messages %}{{ '<|' + m.role + '|>' + m.content.strip() + '<|eot|>' }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
JOINED = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "{% for m in messages %}{{ '<turn>' + ('model' if m.role == 'assistant' else 'user') + '\\n' }}"
    "{{ m.content + '</turn>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<turn>model\\n' }}{% endif %}"
)
COUNTING = (
    "{% for m in messages %}[{{ loop.index }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}>{% endif %}"
)
U: Message = {"role": "user", "content": "one {{ two"}
A: Message = {"role": "assistant", "content": "three"}
S: Message = {"role": "system", "content": "four"}
CONVERSATIONS = [[U], [U, A, U], [U, A, U, A, U], [S, U], [S, U, A, U]]


def renderer(template: str) -> Render:
    def refuse(reason: str) -> None:
        raise ValueError(reason)

    compiled = jinja2.Environment(autoescape=False, keep_trailing_newline=True).from_string(template)
    return lambda turns: compiled.render(messages=turns, add_generation_prompt=True, raise_exception=refuse)


@pytest.mark.parametrize("template", [CHATML, LLAMA, JOINED])
def test_the_texts_give_the_prompts_of_the_template(template: str) -> None:
    render = renderer(template)
    pieces = find_pieces(render)
    for turns in CONVERSATIONS:
        if turns[0]["role"] == "system" and template is JOINED:
            assert pieces.system is None
        else:
            assert pieces.render(turns) == render(turns)


def test_a_template_of_another_form_is_refused() -> None:
    with pytest.raises(UsageError, match="not made of the same texts") as caught:
        find_pieces(renderer(COUNTING))
    assert "leave --ollama out" in caught.value.fix


def test_a_template_that_never_ends_is_refused(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "DEADLINE_S", 1.0)
    model = families.with_template(tiny_model, tmp_path / "model", families.ENDLESS)
    with pytest.raises(UsageError, match="takes over 1 s"):
        modelfile(model, "tiny-q8_0.gguf", max_new_tokens=7, adds_bos=False)


def test_the_modelfile_has_template_and_stop_tokens(tiny_model: Path) -> None:
    lines = modelfile(tiny_model, "tiny-q8_0.gguf", max_new_tokens=7, adds_bos=False).splitlines()
    assert lines[0] == "FROM ./tiny-q8_0.gguf"
    assert 'PARAMETER stop "<|im_end|>"' in lines
    assert "PARAMETER num_predict 7" in lines


GO = """
package main

import (
	"encoding/json"
	"os"
	"text/template"
)

type turn struct{ Role, Content string }

func main() {
	var given struct {
		Template, System string
		Messages         []turn
	}
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		panic(err)
	}
	data := map[string]any{"System": given.System, "Messages": given.Messages}
	if err := template.Must(template.New("").Parse(given.Template)).Execute(os.Stdout, data); err != nil {
		panic(err)
	}
}
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("go") is None, reason="needs the Go compiler, whose templates Ollama uses")
@pytest.mark.parametrize("template", [CHATML, LLAMA, JOINED])
def test_go_renders_the_same_prompts(template: str, tmp_path: Path) -> None:

    (tmp_path / "main.go").write_text(GO)
    subprocess.run(["go", "build", "-o", "render", "main.go"], cwd=tmp_path, check=True)
    render = renderer(template)
    pieces = find_pieces(render)

    def with_go(turns: Sequence[Message]) -> str:
        system = "".join(turn["content"] for turn in turns if turn["role"] == "system")
        given = {"Template": pieces.go_template(""), "System": system, "Messages": turns}
        done = subprocess.run(
            [tmp_path / "render"], input=json.dumps(given), capture_output=True, text=True, check=True
        )
        return done.stdout

    for turns in CONVERSATIONS if pieces.system else CONVERSATIONS[:3]:
        assert with_go(turns) == render(turns)
