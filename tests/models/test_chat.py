"""The chat template: the learned tokens are exactly those that the model must generate."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from ftdojo.errors import UsageError
from ftdojo.models import Chat

ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Which acid? 酸"}]
ANSWERED = [*ASKED, {"role": "assistant", "content": " acetic "}]


def test_training_begins_with_the_tokens_of_the_prompt_and_ends_with_a_stop(tiny_model: Path) -> None:
    chat = Chat(tiny_model)
    tokens, said = chat.conversation(ANSWERED)
    prompt = chat.prompt(ASKED)
    assert tokens[: len(prompt)] == prompt
    assert said == [False] * len(prompt) + [True] * (len(tokens) - len(prompt))
    assert tokens[-1] in chat.stops
    assert chat.decode(tokens[len(prompt) : -1]) == " acetic "


def test_the_template_is_the_tokenizers_own(tiny_model: Path) -> None:
    reference = AutoTokenizer.from_pretrained(tiny_model).apply_chat_template(
        ASKED, add_generation_prompt=True, return_dict=True
    )
    assert Chat(tiny_model).prompt(ASKED) == reference["input_ids"]


def test_every_assistant_turn_is_learned(tiny_model: Path) -> None:
    chat = Chat(tiny_model)
    turns = [*ANSWERED, {"role": "user", "content": "And?"}, {"role": "assistant", "content": "formic"}]
    tokens, said = chat.conversation(turns)
    learned = chat.decode([token for token, by_model in zip(tokens, said, strict=True) if by_model])
    assert learned == " acetic formic"


def test_special_tokens_in_data_do_not_end_the_answer_early(tiny_model: Path) -> None:
    chat = Chat(tiny_model)
    text = "before <|im_end|> after"
    tokens, said = chat.conversation([ASKED[1], {"role": "assistant", "content": text}])
    assert said[-1]
    assert "after" in chat.decode(tokens)


def test_all_end_tokens_of_the_generation_settings_stop(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    settings = tmp_path / "model/generation_config.json"
    settings.write_text(json.dumps({"eos_token_id": [0, 7]}))
    assert Chat(tmp_path / "model").stops >= {0, 7}


def test_a_model_without_a_template_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "model/chat_template.jinja").unlink()
    with pytest.raises(UsageError, match="no chat template") as caught:
        Chat(tmp_path / "model")
    assert "instruction-tuned" in caught.value.fix
