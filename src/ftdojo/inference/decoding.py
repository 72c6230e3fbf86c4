"""The decoding loop over a network in memory: any rule that chooses tokens, in one batch, with a cache.

The common prefix of the prompts is computed once, a prompt that is answered several times is read once, and rows that
have ended are removed from the batch. None of this changes the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from ftdojo.models import network as networks
from ftdojo.models import prefix

if TYPE_CHECKING:
    import torch

    Choose = Callable[[torch.Tensor], torch.Tensor]
    """Chooses the next tokens, of shape (rows,), from their logits, of shape (rows, vocabulary)."""

READ_ROWS = 16
"""Prompts per prefill step."""
CROWDED = 0.75
"""Ended rows are removed when at most this share of the rows is unfinished, because removing copies the cache."""


class Decoder:
    """Answers prompts with a network whose architecture runs in batches."""

    def __init__(self, network: Any, *, stops: Collection[int], pad: int) -> None:
        """Prepare a network, which may be trained further between two calls.

        Args:
            network: the model, without a wrapper of adapters.
            stops: the tokens that end an answer.
            pad: the token to pad with.
        """
        self._network, self._stops, self._pad = network, stops, networks.usable_pad(network, pad)
        self._plain = prefix.can_share(network.config)
        self._cache = networks.cache_argument(network)

    def answer(
        self, prompts: Sequence[list[int]], max_new_tokens: int, choose: Choose, *, copies: int = 1
    ) -> list[list[int]]:
        """Return the tokens of each answer, including the one that ends it: ``copies`` answers to the first prompt,
        then as many to the second. The caller decides how gradients are kept off (``torch.no_grad``)."""
        import torch

        tokens, step = self._begin(prompts, choose, copies)
        rows = list(range(copies * len(prompts)))
        answers: list[list[int]] = [[] for _ in rows]
        while True:
            for row, token in zip(rows, tokens.tolist(), strict=True):
                if not self._ended(answers[row]):
                    answers[row].append(token)
            going = [k for k, row in enumerate(rows) if not self._ended(answers[row])]
            if not going or len(answers[rows[going[0]]]) == max_new_tokens:
                return answers
            step.update(input_ids=tokens[:, None], position_ids=step["position_ids"][:, -1:] + 1)
            if self._plain and len(going) <= CROWDED * len(rows):
                rows = [rows[k] for k in going]
                self._select(step, going)
            mask = step["attention_mask"]
            step["attention_mask"] = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
            tokens = choose(self._logits(step))

    def _logits(self, step: dict[str, Any]) -> torch.Tensor:
        """Return the logits of the next token of every row."""
        logits: torch.Tensor = self._network(**step, use_cache=True, logits_to_keep=1).logits
        return logits[:, -1]

    def _begin(self, prompts: Sequence[list[int]], choose: Choose, copies: int) -> tuple[torch.Tensor, dict[str, Any]]:
        """Return the first token of every answer, and the arguments of the forward pass that made it.

        The prompts are processed a few rows at a time, so that they need little padding, and their common prefix only
        once. The answers continue in one batch.
        """
        import torch
        from transformers import DynamicCache

        from ftdojo.inference.cache import empty_cache, place, prefill, repeat_cache

        config = self._network.config
        if not self._plain:
            each = [prompt for prompt in prompts for _ in range(copies)]
            step = self._step(each, 0, DynamicCache(config=config))
            return choose(self._logits(step)), step
        layers = config.get_text_config().num_hidden_layers
        length, longest = prefix.shared_length(prompts, min(map(len, prompts)) - 1), max(map(len, prompts))
        if length:
            one = prefill(self._network, self._tensor([prompts[0][:length]]), empty_cache(layers))
        whole, tokens = empty_cache(layers), []
        for at in range(0, len(prompts), READ_ROWS):
            some = prompts[at : at + READ_ROWS]
            step = self._step(some, length, repeat_cache(one, len(some)) if length else empty_cache(layers))
            logits = self._logits(step)
            tokens.append(choose(logits.repeat_interleave(copies, dim=0) if copies > 1 else logits))
            place(whole, step[self._cache], at=at, rows=len(prompts), prefix=length, longest=longest)
        step = self._step(prompts, length, whole)
        if copies > 1:
            self._select(step, [row for row in range(len(prompts)) for _ in range(copies)])
        return torch.cat(tokens), step

    def _step(self, prompts: Sequence[list[int]], length: int, cache: Any) -> dict[str, Any]:
        """Return the arguments of a forward pass over left-padded prompts whose first ``length`` tokens are cached."""
        longest = max(map(len, prompts))
        mask = self._tensor([[1] * length + [0] * (longest - len(p)) + [1] * (len(p) - length) for p in prompts])
        return {
            "input_ids": self._tensor([[self._pad] * (longest - len(p)) + p[length:] for p in prompts]),
            "attention_mask": mask,
            "position_ids": (mask.cumsum(1) - 1).clamp(min=0)[:, length:],
            self._cache: cache,
        }

    def _select(self, step: dict[str, Any], rows: list[int]) -> None:
        """Keep these rows of a batch, in this order; one that is named twice becomes two."""
        kept = self._tensor(rows)
        step[self._cache].batch_select_indices(kept)
        for name in ("input_ids", "position_ids", "attention_mask"):
            step[name] = step[name][kept]

    def _tensor(self, values: Sequence[Any]) -> torch.Tensor:
        import torch

        return torch.tensor(values, device=self._network.device)

    def _ended(self, answer: list[int]) -> bool:
        return bool(answer) and answer[-1] in self._stops


def choose_likeliest(logits: torch.Tensor) -> torch.Tensor:
    """Choose the most likely next token of every row; of equally likely ones the first, like argmax but faster."""
    return logits.max(dim=-1).indices
