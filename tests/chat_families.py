"""Chat templates in the forms of well-known families, each as short as it can be, and models that have them."""

from __future__ import annotations

import json
from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerFast

TURN = "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
ASK = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
BRACKETS = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ '<s>[INST] ' + m.content + ' [/INST]' }}"
    "{% else %}{{ ' ' + m.content + ' </s>' }}{% endif %}{% endfor %}"
)
"""Llama 2 and Mistral: no beginning of an answer, blanks around it."""
TEXT_AFTER_END = (
    "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
"""Phi 3: another token after the one that ends the answer."""
ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
"""A program that computes for hours."""
NO_END = (
    "{% for m in messages %}{{ ('Q:\n' if m.role == 'user' else 'A:\n') + m.content + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'A:\n' }}{% endif %}"
)
SWITCH = (
    "{% for m in messages %}{% if m.role == 'assistant' %}{{ '<|im_start|>assistant\n' }}"
    "{% if loop.last %}{{ '<think>\n' + (m.reasoning_content or '') + '\n</think>\n\n' }}{% endif %}"
    "{{ m.content + '<|im_end|>\n' }}{% else %}"
    + TURN
    + "{% endif %}{% endfor %}"
    + ASK
    + "{% if add_generation_prompt "
    "and enable_thinking is defined and not enable_thinking %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
)
"""Qwen 3: the last answer has a block of reasoning, earlier ones have none, and a variable turns reasoning off."""
OPENED = (
    "{% for m in messages %}{% if m.role == 'assistant' %}{{ '<|im_start|>assistant\n' }}"
    "{{ m.content.split('</think>')[-1] + '<|im_end|>\n' }}{% else %}"
    + TURN
    + "{% endif %}{% endfor %}"
    + ASK
    + "{% if add_generation_prompt %}{{ '<think>\n' }}{% endif %}"
)
"""DeepSeek R1: the prompt opens the reasoning, answered turns have none."""
CHANNELS = (
    "{% for m in messages %}{% if m.role == 'assistant' %}"
    "{% if m.thinking and loop.last and not add_generation_prompt %}"
    "{{ '<|start|>assistant<|channel|>analysis<|message|>' + m.thinking + '<|end|>' }}{% endif %}"
    "{{ '<|start|>assistant<|channel|>final<|message|>' + m.content }}"
    "{{ '<|return|>' if loop.last and not add_generation_prompt else '<|end|>' }}"
    "{% else %}{{ '<|start|>' + m.role + '<|message|>' + m.content + '<|end|>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start|>assistant' }}{% endif %}"
)
"""gpt-oss: reasoning and answer in channels."""
NO_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('there is no system role') }}{% endif %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('turns must alternate') }}{% endif %}"
    + TURN
    + "{% endfor %}"
    + ASK
)
"""Gemma."""
PARTS = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{% for part in m.content %}{{ part.text }}{% endfor %}"
    "{{ '<|im_end|>\n' }}{% endfor %}" + ASK
)
"""Models for pictures and text."""
TOOLS = (
    "{% if tools %}{{ '<|im_start|>system\n' + (tools | tojson) + '<|im_end|>\n' }}{% endif %}"
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content }}{% for call in m.tool_calls or [] %}"
    "{{ '<call>' + call.function.name + ' ' + (call.function.arguments | tojson) + '</call>' }}{% endfor %}"
    "{{ '<|im_end|>\n' }}{% endfor %}" + ASK
)
DATED = "{{ '<|im_start|>system\nToday: ' + strftime_now('%d %b %Y') + '<|im_end|>\n' }}{% for m in messages %}" + (
    TURN + "{% endfor %}" + ASK
)
ENDS = {BRACKETS: "</s>", TEXT_AFTER_END: "<|end|>", CHANNELS: "<|return|>"}
"""Template -> the token that ends an answer, where it is not ``<|im_end|>``."""
SPECIAL = ("<s>", "</s>", "<|end|>", "<|return|>", "<|start|>", "<|channel|>", "<|message|>")


def with_template(tiny: Path, folder: Path, template: str) -> Path:
    """Make a folder with the files of a model, and another template with its special tokens."""
    folder.mkdir()
    for path in tiny.iterdir():
        if "token" not in path.name and "template" not in path.name:
            (folder / path.name).symlink_to(path)
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    tokenizer.chat_template = template
    tokenizer.add_special_tokens({"additional_special_tokens": [text for text in SPECIAL if text in template]})
    ends = [tokenizer.convert_tokens_to_ids(ENDS.get(template, tokenizer.eos_token))]
    tokenizer.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": ends}))
    return folder


def with_blanks(folder: Path, template: str) -> Path:
    """Make a folder with a tokenizer that puts a blank before a text, as those of SentencePiece do, and a template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    special = ["<unk>", "<s>", "</s>", "<|user|>", "<|assistant|>"]
    words = ["▁Which", "Which", "▁river", "▁The", "The", "▁Rhine", "[INST]", "▁[INST]", "▁[/INST]", "▁", "\n"]
    vocabulary = {word: number for number, word in enumerate([*special, *words])}
    model = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    model.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split("\n", "isolated"), pre_tokenizers.Metaspace("▁", prepend_scheme="first")]
    )
    model.decoder = decoders.Metaspace("▁")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=model,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=["<|user|>", "<|assistant|>"],
    )
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    return folder
