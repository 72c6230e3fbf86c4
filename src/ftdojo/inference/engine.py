"""Generation with transformers: greedy, in a fixed order, in batches of similar length.

The loop is its own rather than ``generate``, for two savings that leave the outputs as they are. What all prompts of a
batch begin with is computed once, and rows that have ended leave the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftdojo.models import Chat, Compute, compute, network, prefix
from ftdojo.tasks.spec import Message

if TYPE_CHECKING:
    import torch

ENGINE = "transformers-greedy-3"
"""Part of the identity of stored outputs: raise it when outputs may change."""
BATCH_TOKENS = {"cpu": 16_384, "cuda": 131_072}
"""Tokens a batch may hold, prompts and answers together; the key-value cache grows with them."""
MAX_BATCH = {"cpu": 64, "cuda": 256}
GROUP = 8
"""Rows of a batch, when weighing what they share against padding: a small batch already pays."""
CROWDED = 0.75
"""A batch is made smaller when no more than this share of its rows is still going: that copies the cache once."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One answer. ``truncated`` says that it was cut at the limit before the model had ended it."""

    text: str
    n_tokens: int
    """Tokens generated; the one that ends the answer is not counted."""
    truncated: bool


class TransformersEngine:
    """A model loaded for generation."""

    def __init__(self, model: Path, on: Compute | None = None) -> None:
        """Load the model in ``model``.

        Args:
            model: folder of the model.
            on: where to run it and in which precision; by default what suits this machine.
        """
        self._compute = on or compute()
        self._chat = Chat(model)
        # One query a row: the fused attention reads keys and values of grouped heads in place, the eager copies them.
        loaded = network.load(model, self._compute.dtype, attention="sdpa")
        self._network = loaded.to(self._compute.device).eval()
        self._plain = prefix.can_share(loaded.config)

    def generate(
        self,
        prompts: Sequence[Sequence[Message]],
        *,
        max_new_tokens: int,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> list[Generation]:
        """One answer a prompt, in the order of the prompts; ``on_progress`` is told how many of them are done."""
        encoded = [self._chat.prompt(prompt) for prompt in prompts]
        answers: dict[int, Generation] = {}
        for batch in self._batches(encoded, max_new_tokens):
            for i, tokens in zip(batch, self._answer([encoded[i] for i in batch], max_new_tokens), strict=True):
                answers[i] = self._read(tokens)
            if on_progress is not None:
                on_progress(len(answers), len(prompts))
        return [answers[i] for i in range(len(prompts))]

    def _batches(self, prompts: list[list[int]], max_new_tokens: int) -> list[list[int]]:
        """Positions of the prompts, those that are alike together, cut where they cease to be alike and so that no
        batch holds too many tokens."""
        device = self._compute.device
        keys = prefix.sort_keys(prompts, GROUP)
        batches: list[list[int]] = []
        for i in sorted(range(len(prompts)), key=lambda i: (keys[i], i)):
            # Sorted by length within a group, so the row that is added is the batch's longest.
            width = len(prompts[i]) + max_new_tokens
            size = min(MAX_BATCH[device], BATCH_TOKENS[device] // width)
            if batches and len(batches[-1]) < size and keys[batches[-1][0]][0] == keys[i][0]:
                batches[-1].append(i)
            else:
                batches.append([i])
        return batches

    def _answer(self, prompts: list[list[int]], max_new_tokens: int) -> list[list[int]]:
        """The tokens generated for each prompt, the one that ends it included."""
        import torch

        with torch.inference_mode():
            step = self._begin(prompts)
            answers: list[list[int]] = [[] for _ in prompts]
            rows = list(range(len(prompts)))
            while True:
                tokens = self._network(**step, use_cache=True, logits_to_keep=1).logits[:, -1].argmax(dim=-1)
                for row, token in zip(rows, tokens.tolist(), strict=True):
                    if not self._ended(answers[row]):
                        answers[row].append(token)
                going = [k for k, row in enumerate(rows) if not self._ended(answers[row])]
                if not going or len(answers[rows[going[0]]]) == max_new_tokens:
                    return answers
                step.update(input_ids=tokens[:, None], position_ids=step["position_ids"][:, -1:] + 1)
                if self._plain and len(going) <= CROWDED * len(rows):
                    rows = [rows[k] for k in going]
                    _keep(step, torch.tensor(going, device=tokens.device))
                mask = step["attention_mask"]
                step["attention_mask"] = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)

    def _begin(self, prompts: list[list[int]]) -> dict[str, Any]:
        """The arguments of the first forward pass: prompts padded on the left, their common prefix already cached."""
        import torch
        from transformers import DynamicCache

        from ftdojo.inference.cache import growing

        length = prefix.shared(prompts, min(map(len, prompts)) - 1) if self._plain else 0
        longest = max(map(len, prompts))

        def tensor(values: list[list[int]]) -> torch.Tensor:
            return torch.tensor(values, device=self._compute.device)

        mask = tensor([[1] * length + [0] * (longest - len(p)) + [1] * (len(p) - length) for p in prompts])
        config = self._network.config
        cache = growing(config.get_text_config().num_hidden_layers) if self._plain else DynamicCache(config=config)
        if length:
            prefix.cache(self._network, tensor([prompts[0][:length]]), len(prompts), cache)
        return {
            "input_ids": tensor([[self._chat.pad] * (longest - len(p)) + p[length:] for p in prompts]),
            "attention_mask": mask,
            "position_ids": (mask.cumsum(1) - 1).clamp(min=0)[:, length:],
            "past_key_values": cache,
        }

    def _ended(self, answer: list[int]) -> bool:
        return bool(answer) and answer[-1] in self._chat.stops

    def _read(self, answer: list[int]) -> Generation:
        ended = self._ended(answer)
        kept = answer[:-1] if ended else answer
        return Generation(self._chat.decode(kept), len(kept), truncated=not ended)


def _keep(step: dict[str, Any], rows: torch.Tensor) -> None:
    """Reduce a batch to some of its rows."""
    step["past_key_values"].batch_select_indices(rows)
    for name in ("input_ids", "position_ids", "attention_mask"):
        step[name] = step[name][rows]
