"""Our generation loop says what transformers' own says."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from ftdojo.inference import TransformersEngine, engine
from ftdojo.models import Compute

SINGLE = Compute("cpu", "float32", "sdpa", "the test compares tokens")
SYSTEM = {"role": "system", "content": "Answer in one short sentence, and never say more than you were asked for."}


def prompts(count: int) -> list[list[dict[str, str]]]:
    return [[SYSTEM, {"role": "user", "content": f"What is {'very ' * (i % 4)}{i} plus {i}?"}] for i in range(count)]


def reference(model: Path, asked: list[dict[str, str]], max_new_tokens: int) -> str:
    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    tokens = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    out = network.generate(**tokens, max_new_tokens=max_new_tokens, do_sample=False)
    return str(tokenizer.decode(out[0, tokens["input_ids"].shape[1] :], skip_special_tokens=True))


def test_the_same_answers_as_generate(embedded: Path) -> None:
    """Batches, a shared prefix, rows that end early: against one prompt at a time without any of them."""
    ours = TransformersEngine(embedded, SINGLE).generate(prompts(4), max_new_tokens=24)
    assert [a.text for a in ours] == [reference(embedded, asked, 24) for asked in prompts(4)]


def test_batches_do_not_change_answers(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = TransformersEngine(tiny_model, SINGLE).generate(prompts(12), max_new_tokens=10)
    monkeypatch.setitem(engine.MAX_BATCH, "cpu", 3)
    assert TransformersEngine(tiny_model, SINGLE).generate(prompts(12), max_new_tokens=10) == whole


def test_truncation_is_told(tiny_model: Path) -> None:
    answers = TransformersEngine(tiny_model, SINGLE).generate(prompts(3), max_new_tokens=2)
    assert all(a.truncated == (a.n_tokens == 2) for a in answers)
    assert any(a.truncated for a in answers)


def test_progress_ends_with_all(tiny_model: Path) -> None:
    seen: list[tuple[int, int]] = []
    TransformersEngine(tiny_model, SINGLE).generate(
        prompts(5), max_new_tokens=2, on_progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (5, 5)
