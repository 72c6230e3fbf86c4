"""Our generation loop gives the same answers as transformers' own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from ftdojo.inference import Generation, TransformersEngine, engine
from ftdojo.models import Compute

SINGLE = Compute("cpu", "float32", "sdpa", "the test compares tokens")
SYSTEM = {"role": "system", "content": "Answer in one short sentence, and never say more than you were asked for."}


def prompts(count: int) -> list[list[dict[str, str]]]:
    return [[SYSTEM, {"role": "user", "content": f"What is {'very ' * (i % 4)}{i} plus {i}?"}] for i in range(count)]


def reference(model: Path, conversations: list[list[dict[str, str]]], max_new_tokens: int) -> list[str]:
    """The answers of transformers, one prompt at a time."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    answers = []
    for asked in conversations:
        tokens = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        out = network.generate(**tokens, max_new_tokens=max_new_tokens, do_sample=False)
        answers.append(str(tokenizer.decode(out[0, tokens["input_ids"].shape[1] :], skip_special_tokens=True)))
    return answers


def test_the_same_answers_as_generate(embedded: Path) -> None:
    """Batches, a shared prefix and rows that end early give the same answers as one prompt at a time."""
    ours = TransformersEngine(embedded, SINGLE).generate(prompts(4), max_new_tokens=24)
    assert [a.text for a in ours] == reference(embedded, prompts(4), 24)


def test_batches_do_not_change_answers(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = TransformersEngine(tiny_model, SINGLE).generate(prompts(12), max_new_tokens=10)
    monkeypatch.setitem(engine.MAX_BATCH, "cpu", 3)
    assert TransformersEngine(tiny_model, SINGLE).generate(prompts(12), max_new_tokens=10) == whole


def test_truncation_is_told(tiny_model: Path) -> None:
    answers = TransformersEngine(tiny_model, SINGLE).generate(prompts(3), max_new_tokens=2)
    assert all(a.truncated == (a.n_tokens == 2) for a in answers)
    assert any(a.truncated for a in answers)


def test_what_is_done_is_not_done_again(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engine.MAX_BATCH, "cpu", 4)
    made: list[dict[int, Generation]] = []
    model = TransformersEngine(tiny_model, SINGLE)
    whole = model.generate(prompts(11), max_new_tokens=4, on_answers=made.append)
    assert {i: a for batch in made for i, a in batch.items()} == dict(enumerate(whole))
    known = {i: Generation("known", 1, False) for i in made[0]}
    again: list[dict[int, Generation]] = []
    rest = model.generate(prompts(11), max_new_tokens=4, done=known, on_answers=again.append)
    assert again == made[1:]
    assert rest == [known.get(i, answer) for i, answer in enumerate(whole)]


def test_a_batch_holds_what_memory_allows(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Smaller batches give the same answers."""
    sizes = []
    for share in (0.4, 1e-4):
        monkeypatch.setattr(engine, "MEMORY_SHARE", share)
        made: list[dict[int, Generation]] = []
        answers = TransformersEngine(tiny_model, SINGLE).generate(prompts(12), max_new_tokens=3, on_answers=made.append)
        sizes.append((len(made), answers))
    assert sizes[0][0] < sizes[1][0]
    assert sizes[0][1] == sizes[1][1]
