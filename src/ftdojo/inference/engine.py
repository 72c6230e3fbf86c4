"""Generation with plain transformers: greedy, in a fixed order, in batches of similar length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftdojo import models
from ftdojo.tasks.spec import Message

ENGINE = "transformers-greedy-1"
"""Part of the identity of stored outputs: raise it when outputs may change."""
BATCH_TOKENS = {"cpu": 16_384, "cuda": 131_072}
"""Tokens a batch may hold, prompts and answers together; the key-value cache grows with them."""
MAX_BATCH = {"cpu": 64, "cuda": 256}


@dataclass(frozen=True, slots=True)
class Generation:
    """One answer. ``truncated`` says that it was cut at the limit before the model had ended it."""

    text: str
    n_tokens: int
    truncated: bool


class TransformersEngine:
    """A model loaded for generation."""

    def __init__(self, model: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self._compute = models.compute()
        self._tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
        network = AutoModelForCausalLM.from_pretrained(
            model, dtype=self._compute.dtype, attn_implementation=self._compute.attention
        )
        self._network = network.to(torch.device(self._compute.device)).eval()

    def generate(
        self,
        prompts: Sequence[Sequence[Message]],
        *,
        max_new_tokens: int,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> list[Generation]:
        """One answer a prompt, in the order of the prompts."""
        texts = [models.render_prompt(self._tokenizer, prompt) for prompt in prompts]
        encoded: list[list[int]] = self._tokenizer(texts, add_special_tokens=False).input_ids
        answers: list[Generation | None] = [None] * len(prompts)
        done = 0
        for batch in self._batches(encoded, max_new_tokens):
            for i, answer in zip(batch, self._answer([encoded[i] for i in batch], max_new_tokens), strict=True):
                answers[i] = answer
            done += len(batch)
            if on_progress is not None:
                on_progress(done, len(prompts))
        return [answer for answer in answers if answer is not None]

    def _batches(self, encoded: list[list[int]], max_new_tokens: int) -> list[list[int]]:
        """Positions of the prompts, longest first, cut so that no batch holds too many tokens."""
        device = self._compute.device
        order = sorted(range(len(encoded)), key=lambda i: (-len(encoded[i]), i))
        batches: list[list[int]] = []
        while order:
            width = len(encoded[order[0]]) + max_new_tokens
            size = max(1, min(MAX_BATCH[device], BATCH_TOKENS[device] // width))
            batches.append(order[:size])
            order = order[size:]
        return batches

    def _answer(self, encoded: list[list[int]], max_new_tokens: int) -> list[Generation]:
        import torch

        inputs: Any = self._tokenizer.pad({"input_ids": encoded}, return_tensors="pt").to(self._compute.device)
        with torch.inference_mode():
            output = self._network.generate(
                **inputs, max_new_tokens=max_new_tokens, do_sample=False, temperature=None, top_p=None, top_k=None
            )
        ends = self._network.generation_config.eos_token_id
        ends = set(ends if isinstance(ends, list) else [ends])
        return [self._read(row, ends) for row in output[:, inputs["input_ids"].shape[1] :].tolist()]

    def _read(self, tokens: list[int], ends: set[int]) -> Generation:
        stop = next((i for i, token in enumerate(tokens) if token in ends), None)
        kept = tokens[:stop]
        return Generation(self._tokenizer.decode(kept, skip_special_tokens=True), len(kept), stop is None)
