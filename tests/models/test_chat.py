"""The chat template: the learned tokens are exactly those that the model must generate."""

from __future__ import annotations

import json
import shutil
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

import chat_families as families
from ftdojo.errors import UsageError
from ftdojo.models import Chat, rendering, token_counter

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


def test_the_tokenizer_counts_what_a_model_reads(embedded: Path) -> None:
    assert token_counter(embedded)(["hello", "hello hello hello", "x " * 9000]) == [1, 3, 9001]


def test_all_end_tokens_of_the_generation_settings_stop(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    settings = tmp_path / "model/generation_config.json"
    settings.write_text(json.dumps({"eos_token_id": [0, 7]}))
    assert Chat(tmp_path / "model").stops >= {0, 7}


def test_end_tokens_that_are_none_are_refused_and_unknown_ones_never_met(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    settings = tmp_path / "model/generation_config.json"
    settings.write_text(json.dumps({"eos_token_id": [10**12, -1]}))
    assert Chat(tmp_path / "model").conversation(ANSWERED) == Chat(tiny_model).conversation(ANSWERED)
    settings.write_text(json.dumps({"eos_token_id": ["</s>"]}))
    with pytest.raises(UsageError, match="eos_token_id must be a number"):
        Chat(tmp_path / "model")


def test_a_model_without_a_template_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "model/chat_template.jinja").unlink()
    with pytest.raises(UsageError, match="no chat template") as caught:
        Chat(tmp_path / "model")
    assert "instruction-tuned" in caught.value.fix


USER = {"role": "user", "content": "Which river?"}
FIRST = {"role": "assistant", "content": "The Rhine."}
SECOND = {"role": "assistant", "content": "The Danube."}
REASONED = {**SECOND, "reasoning_content": "It flows east."}
CLOSED = "\n</think>\n\n"


def raw(chat: Chat, tokens: list[int]) -> str:
    return str(chat._tokenizer.decode(tokens, skip_special_tokens=False))


def learned(chat: Chat, turns: list[dict[str, Any]]) -> list[str]:
    """The texts of the runs of learned tokens. The tokens before the last of them are the prompt."""
    tokens, by_model = chat.conversation(turns)
    prompt = chat.prompt(turns[:-1])
    assert tokens[: len(prompt)] == prompt
    assert all(by_model[len(prompt) :])
    assert tokens[-1] in chat.stops
    runs = [list(run) for is_learned, run in groupby(range(len(tokens)), by_model.__getitem__) if is_learned]
    # The last answer may follow a learned turn at once: it begins where the prompt ends.
    cut = [part for run in runs for part in ([i for i in run if i < len(prompt)], [i for i in run if i >= len(prompt)])]
    return [raw(chat, [tokens[i] for i in run]) for run in cut if run]


@pytest.mark.parametrize(
    ("template", "turns"),
    [
        (families.BRACKETS, [" The Rhine. </s>", " The Danube. </s>"]),
        (families.TEXT_AFTER_END, ["The Rhine.<|end|>", "The Danube.<|end|>"]),
        (families.NO_END, ["The Rhine.", "The Danube.<|im_end|>"]),
        (families.SWITCH, ["The Rhine.<|im_end|>", f"<think>\n{CLOSED}The Danube.<|im_end|>"]),
        (families.OPENED, ["The Rhine.<|im_end|>", f"{CLOSED}The Danube.<|im_end|>"]),
        (
            families.CHANNELS,
            ["<|channel|>final<|message|>The Rhine.", "<|channel|>final<|message|>The Danube.<|return|>"],
        ),
        (families.NO_SYSTEM, ["The Rhine.<|im_end|>", "The Danube.<|im_end|>"]),
        (families.PARTS, ["The Rhine.<|im_end|>", "The Danube.<|im_end|>"]),
    ],
)
def test_every_assistant_turn_is_learned_with_its_end_in_every_family(
    template: str, turns: list[str], tiny_model: Path, tmp_path: Path
) -> None:
    chat = Chat(families.with_template(tiny_model, tmp_path / "model", template))
    assert learned(chat, [USER, FIRST, USER, SECOND]) == turns
    assert learned(chat, [USER, SECOND]) == turns[1:]
    assert learned(chat, [USER, {**FIRST, "weight": 0}, USER, SECOND]) == turns[1:]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (families.SWITCH, "<think>\nIt flows east.\n</think>\n\nThe Danube.<|im_end|>"),
        (families.OPENED, "It flows east.\n</think>\n\nThe Danube.<|im_end|>"),
        (
            families.CHANNELS,
            "<|channel|>analysis<|message|>It flows east.<|end|>"
            "<|start|>assistant<|channel|>final<|message|>The Danube.<|return|>",
        ),
        (families.PARTS, "<think>\nIt flows east.\n</think>\n\nThe Danube.<|im_end|>"),
    ],
)
@pytest.mark.parametrize("written", ["field", "text"])
def test_reasoning_is_learned_in_the_models_own_form(
    template: str, text: str, written: str, tiny_model: Path, tmp_path: Path
) -> None:
    chat = Chat(families.with_template(tiny_model, tmp_path / "model", template))
    in_text = {**SECOND, "content": "<think>\nIt flows east.\n</think>\n\nThe Danube."}
    assert learned(chat, [USER, REASONED if written == "field" else in_text]) == [text]


@pytest.mark.parametrize(
    ("template", "output", "read"),
    [
        (families.OPENED, "It flows east.\n</think>\n\nThe Danube.", "<think>It flows east.\n</think>\n\nThe Danube."),
        (families.OPENED, "It flows", "<think>It flows"),
        (families.SWITCH, f"<think>\n{CLOSED}The Danube.", f"<think>\n{CLOSED}The Danube."),
        (families.SWITCH, "The Danube.", "The Danube."),
        (families.CHANNELS, "<|channel|>final<|message|>The Danube.", "The Danube."),
        (
            families.CHANNELS,
            "<|channel|>analysis<|message|>East.<|end|><|start|>assistant<|channel|>final<|message|>The Danube.",
            "<think>East.</think>The Danube.",
        ),
        (families.CHANNELS, "<|channel|>analysis<|message|>East", "<think>East"),
        (families.NO_SYSTEM, "The <think> Danube.", "The <think> Danube."),
    ],
)
def test_scorers_get_reasoning_in_one_form(
    template: str, output: str, read: str, tiny_model: Path, tmp_path: Path
) -> None:
    chat = Chat(families.with_template(tiny_model, tmp_path / "model", template))
    tokens = AutoTokenizer.from_pretrained(tmp_path / "model")(output, add_special_tokens=False).input_ids
    assert chat.read(tokens, chat.prompt([USER])) == read


@pytest.mark.parametrize(
    ("template", "answers"),
    [
        (families.BRACKETS, ["▁The", "▁Rhine", "▁", "</s>"]),
        ("{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + eos_token }}{% endfor %}"
         "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}", ["The", "▁Rhine", "</s>"]),
    ],
)  # fmt: skip
def test_tokens_are_those_of_the_conversation_where_a_text_alone_gets_a_blank(
    template: str, answers: list[str], tmp_path: Path
) -> None:
    chat = Chat(families.with_blanks(tmp_path, template))
    tokens, by_model = chat.conversation([{**USER, "content": "Which river"}, {**FIRST, "content": "The Rhine"}])
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    made = tokenizer.convert_ids_to_tokens([t for t, is_learned in zip(tokens, by_model, strict=True) if is_learned])
    assert made == answers
    whole = tokenizer.apply_chat_template(
        [{**USER, "content": "Which river"}, {**FIRST, "content": "The Rhine"}], tokenize=False
    )
    assert tokens == tokenizer(whole, add_special_tokens=False).input_ids


def test_a_system_turn_begins_the_user_turn_where_the_template_has_none(tiny_model: Path, tmp_path: Path) -> None:
    chat = Chat(families.with_template(tiny_model, tmp_path / "model", families.NO_SYSTEM))
    asked = chat.prompt(ASKED)
    assert not chat.form.takes_system
    assert chat.decode(asked) == "user\nBe brief.\n\nWhich acid? 酸\nassistant\n"
    assert Chat(tiny_model).form.takes_system


def test_what_a_template_refuses_is_an_error_with_its_reason(tiny_model: Path, tmp_path: Path) -> None:
    chat = Chat(families.with_template(tiny_model, tmp_path / "model", families.NO_SYSTEM))
    with pytest.raises(ValueError, match="turns must alternate"):
        chat.conversation([USER, USER, FIRST])
    with pytest.raises(UsageError, match="turns must alternate"):
        chat.prompt([USER, USER])


def test_tools_are_in_the_models_own_form_or_refused(tiny_model: Path, tmp_path: Path) -> None:
    call = {"type": "function", "function": {"name": "look_up", "arguments": {"word": "river"}}}
    tool = {"type": "function", "function": {"name": "look_up", "parameters": {}}}
    turns: list[dict[str, Any]] = [
        {**USER, "tools": [tool]},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "Rhine"},
        FIRST,
    ]
    chat = Chat(families.with_template(tiny_model, tmp_path / "model", families.TOOLS))
    assert learned(chat, turns) == ['<call>look_up {"word": "river"}</call><|im_end|>', "The Rhine.<|im_end|>"]
    assert "look_up" in chat.decode(chat.prompt(turns[:1]))
    with pytest.raises(ValueError, match="no form for tools: it leaves out 'look_up'"):
        Chat(tiny_model).conversation(turns)


@pytest.mark.parametrize("template", [families.ENDLESS, "{{ 'x' * 10**12 }}"], ids=["endless", "huge"])
def test_a_template_without_end_is_refused(
    template: str, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "DEADLINE_S", 1.0)
    chat = Chat(families.with_template(tiny_model, tmp_path / "model", template))
    with pytest.raises(ValueError, match="chat template of the model"):
        chat.conversation([USER, FIRST])


def test_a_template_gets_the_same_day_on_every_day(tiny_model: Path, tmp_path: Path) -> None:
    chat = Chat(families.with_template(tiny_model, tmp_path / "model", families.DATED))
    assert "Today: 26 Jul 2024" in chat.decode(chat.prompt([USER]))


def test_a_model_that_cannot_end_an_answer_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    folder = families.with_template(tiny_model, tmp_path / "model", families.NO_END)
    (folder / "generation_config.json").unlink()
    for name, key in (("tokenizer_config.json", "eos_token"), ("config.json", "eos_token_id")):
        held = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**held, key: None}))
    with pytest.raises(UsageError, match="no token ends an answer"):
        Chat(folder)
