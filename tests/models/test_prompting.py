"""Settings for prompts, written into the template of a folder that is the base model of the run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from transformers import AutoTokenizer

import chat_families as families
from ftdojo.errors import UsageError
from ftdojo.models import Chat, describe, digest, set_prompting

USER = [{"role": "user", "content": "Which river?"}]
ANSWERED = [*USER, {"role": "assistant", "content": "The Rhine.", "reasoning_content": "It flows north."}]


def prompt_of(folder: Path) -> str:
    """A prompt as plain transformers makes it from the files, without any setting."""
    made = AutoTokenizer.from_pretrained(folder).apply_chat_template(USER, tokenize=False, add_generation_prompt=True)
    return str(made)


def test_a_model_without_a_form_for_reasoning_stays_the_same(tiny_model: Path, tmp_path: Path) -> None:
    assert set_prompting(tiny_model, tmp_path, thinking="off") == (tiny_model, "auto")
    assert set_prompting(tiny_model, tmp_path, thinking="auto") == (tiny_model, "auto")
    assert not [*tmp_path.iterdir()]
    with pytest.raises(UsageError, match="no form for thinking"):
        set_prompting(tiny_model, tmp_path, thinking="on")


@pytest.mark.parametrize(
    ("template", "end"),
    [
        (families.SWITCH, "assistant\n<think>\n\n</think>\n\n"),
        (families.OPENED, "assistant\n<think>\n\n</think>\n\n"),
        (families.CHANNELS, "assistant<|channel|>final<|message|>"),
    ],
)
def test_thinking_is_turned_off_in_the_template_itself(
    template: str, end: str, tiny_model: Path, tmp_path: Path
) -> None:
    model = families.with_template(tiny_model, tmp_path / "model", template)
    folder, setting = set_prompting(model, tmp_path, thinking="off")
    assert setting == "off"
    assert prompt_of(folder).endswith(end)
    chat = Chat(folder)
    tokens, _ = chat.conversation(ANSWERED)
    prompt = chat.prompt(USER)
    assert tokens[: len(prompt)] == prompt
    assert chat.decode(tokens[len(prompt) :]) == "The Rhine."
    assert chat.form.closes_thinking
    assert digest(folder) != digest(model)
    assert describe(folder) == describe(model)
    assert set_prompting(model, tmp_path, thinking="off") == (folder, "off")


@pytest.mark.parametrize("template", [families.SWITCH, families.OPENED, families.CHANNELS])
def test_only_what_follows_the_reasoning_counts_if_thinking_is_on(
    template: str, tiny_model: Path, tmp_path: Path
) -> None:
    model = families.with_template(tiny_model, tmp_path / "model", template)
    folder, setting = set_prompting(model, tmp_path, thinking="on")
    assert setting == "on"
    chat = Chat(folder)
    tokens, _ = chat.conversation(ANSWERED)
    prompt = chat.prompt(USER)
    answer = tokens[len(prompt) :]
    assert "It flows north." in chat.decode(answer)
    assert chat.read(answer[:-1], prompt) == "The Rhine."
    assert chat.read(answer[:5], prompt) == ""


def test_a_setting_is_kept_by_later_runs_on_the_exported_model(tiny_model: Path, tmp_path: Path) -> None:
    model = families.with_template(tiny_model, tmp_path / "model", families.SWITCH)
    folder, _ = set_prompting(model, tmp_path, thinking="on")
    exported = shutil.copytree(folder, tmp_path / "exported")
    assert set_prompting(exported, tmp_path, thinking="off") == (exported, "on")


def test_a_date_is_written_into_the_template(tiny_model: Path, tmp_path: Path) -> None:
    model = families.with_template(tiny_model, tmp_path / "model", families.DATED)
    folder, setting = set_prompting(model, tmp_path)
    assert setting == "auto"
    assert "Today: 26 Jul 2024" in prompt_of(folder)
    assert Chat(folder).prompt(USER) == Chat(model).prompt(USER)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("chatml", "<|im_start|>user\nWhich river?<|im_end|>\n<|im_start|>assistant\n"),
        ("plain", "User: Which river?\n\nAssistant: "),
        ("{% for m in messages %}{{ m.content }}{% endfor %}!", "Which river?!"),
    ],
)
def test_a_model_without_a_template_gets_one(name: str, text: str, tiny_model: Path, tmp_path: Path) -> None:
    model = shutil.copytree(tiny_model, tmp_path / "model")
    (model / "chat_template.jinja").unlink()
    assert set_prompting(model, tmp_path) == (model, "auto")
    folder, _ = set_prompting(model, tmp_path, chat_template=name)
    assert prompt_of(folder) == text
    chat = Chat(folder)
    tokens, by_model = chat.conversation(ANSWERED)
    answer = [token for token, is_learned in zip(tokens, by_model, strict=True) if is_learned]
    assert answer[-1] == AutoTokenizer.from_pretrained(model).eos_token_id
    assert "The Rhine." in chat.decode(answer)


def test_the_template_of_older_files_is_found_and_replaced(tiny_model: Path, tmp_path: Path) -> None:
    model = shutil.copytree(tiny_model, tmp_path / "model")
    own = (model / "chat_template.jinja").read_text()
    (model / "chat_template.jinja").unlink()
    config = json.loads((model / "tokenizer_config.json").read_text())
    (model / "tokenizer_config.json").write_text(json.dumps({**config, "chat_template": own}))
    assert set_prompting(model, tmp_path, thinking="off") == (model, "auto")
    folder, _ = set_prompting(model, tmp_path, chat_template="plain")
    assert prompt_of(folder) == "User: Which river?\n\nAssistant: "
