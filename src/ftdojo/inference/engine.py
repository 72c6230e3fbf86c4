"""Generation with transformers: greedy, in a fixed order, in batches of similar length.

The loop is its own rather than ``generate``, for two savings that leave the outputs as they are. What all prompts of a
batch begin with is computed once, and rows that have ended leave the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftdojo.contract.model_info import ModelInfo
from ftdojo.contract.task_spec import Message
from ftdojo.inference.protocol import EnginePlugin, Generation
from ftdojo.models import Chat, Compute, compute, describe, network, prefix

if TYPE_CHECKING:
    import torch

ENGINE = "transformers-greedy-5"
"""Part of the identity of stored outputs: raise it when outputs may change."""
BATCH_TOKENS = {"cpu": 16_384, "cuda": 131_072}
"""Tokens a batch may hold, prompts and answers together, where memory allows it."""
MEMORY_SHARE = 0.4
"""Of the device's memory, so much may be taken by what a batch's tokens need. Of all its memory, not of what is free:
the batches, and with them how sums are rounded, are the same in every run on a machine."""
MAX_BATCH = {"cpu": 128, "cuda": 256}
GROUP = 8
"""Rows of a batch, when weighing what they share against padding: a small batch already pays."""
READ_ROWS = 16
"""Prompts that are read at once."""
CROWDED = 0.75
"""A batch is made smaller when no more than this share of its rows is still going: that copies the cache once."""


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
        info = describe(model)
        loaded = network.load(model, self._compute.dtype, "sdpa")
        self._network = loaded.to(self._compute.device).eval()
        self._plain = prefix.can_share(loaded.config)
        self._batch_tokens = min(BATCH_TOKENS[self._compute.device], _tokens_in_memory(info, self._compute))

    def generate(
        self,
        prompts: Sequence[Sequence[Message]],
        *,
        max_new_tokens: int,
        done: Mapping[int, Generation] | None = None,
        on_answers: Callable[[dict[int, Generation]], None] | None = None,
    ) -> list[Generation]:
        """See :meth:`ftdojo.inference.Engine.generate`. Batches are the same with known answers or without."""
        encoded = [self._chat.prompt(prompt) for prompt in prompts]
        answers = dict(done or {})
        for batch in self._batches(encoded, max_new_tokens):
            if all(i in answers for i in batch):
                continue
            tokens = self._answer([encoded[i] for i in batch], max_new_tokens)
            made = {i: self._read(answer) for i, answer in zip(batch, tokens, strict=True)}
            answers |= made
            if on_answers is not None:
                on_answers(made)
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
            size = max(1, min(MAX_BATCH[device], self._batch_tokens // width))
            if batches and len(batches[-1]) < size and keys[batches[-1][0]][0] == keys[i][0]:
                batches[-1].append(i)
            else:
                batches.append([i])
        return batches

    def _answer(self, prompts: list[list[int]], max_new_tokens: int) -> list[list[int]]:
        """The tokens generated for each prompt, the one that ends it included."""
        import torch

        with torch.inference_mode():
            tokens, step = self._begin(prompts)
            answers: list[list[int]] = [[] for _ in prompts]
            rows = list(range(len(prompts)))
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
                    _keep(step, torch.tensor(going, device=tokens.device))
                mask = step["attention_mask"]
                step["attention_mask"] = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
                tokens = self._next(step)

    def _next(self, step: dict[str, Any]) -> torch.Tensor:
        """The likeliest next token of every row; of equally likely ones the first, as argmax, but faster."""
        logits = self._network(**step, use_cache=True, logits_to_keep=1).logits
        tokens: torch.Tensor = logits[:, -1].max(dim=-1).indices
        return tokens

    def _begin(self, prompts: list[list[int]]) -> tuple[torch.Tensor, dict[str, Any]]:
        """The first token of every answer, and the arguments of the forward pass that made it.

        The prompts are read a few rows at a time, so that they need little padding, and what all of them begin with
        only once; the answers go on in one batch.
        """
        import torch
        from transformers import DynamicCache

        from ftdojo.inference.cache import growing, of_prefix, place, repeated

        config = self._network.config
        if not self._plain:
            step = self._step(prompts, 0, DynamicCache(config=config))
            return self._next(step), step
        layers = config.get_text_config().num_hidden_layers
        length, longest = prefix.shared(prompts, min(map(len, prompts)) - 1), max(map(len, prompts))
        if length:
            one = of_prefix(self._network, self._tensor([prompts[0][:length]]), growing(layers))
        whole, tokens = growing(layers), []
        for at in range(0, len(prompts), READ_ROWS):
            some = prompts[at : at + READ_ROWS]
            step = self._step(some, length, repeated(one, len(some)) if length else growing(layers))
            tokens.append(self._next(step))
            place(whole, step["past_key_values"], at=at, rows=len(prompts), prefix=length, longest=longest)
        return torch.cat(tokens), self._step(prompts, length, whole)

    def _step(self, prompts: list[list[int]], length: int, cache: Any) -> dict[str, Any]:
        """The arguments of a forward pass over prompts, padded on the left, of which ``length`` tokens are cached."""
        longest = max(map(len, prompts))
        mask = self._tensor([[1] * length + [0] * (longest - len(p)) + [1] * (len(p) - length) for p in prompts])
        return {
            "input_ids": self._tensor([[self._chat.pad] * (longest - len(p)) + p[length:] for p in prompts]),
            "attention_mask": mask,
            "position_ids": (mask.cumsum(1) - 1).clamp(min=0)[:, length:],
            "past_key_values": cache,
        }

    def _tensor(self, values: list[list[int]]) -> torch.Tensor:
        import torch

        return torch.tensor(values, device=self._compute.device)

    def _ended(self, answer: list[int]) -> bool:
        return bool(answer) and answer[-1] in self._chat.stops

    def _read(self, answer: list[int]) -> Generation:
        ended = self._ended(answer)
        kept = answer[:-1] if ended else answer
        return Generation(self._chat.decode(kept), len(kept), truncated=not ended)


PLUGIN = EnginePlugin(ENGINE, lambda model: nullcontext(TransformersEngine(model)))


def _keep(step: dict[str, Any], rows: torch.Tensor) -> None:
    """Reduce a batch to some of its rows."""
    step["past_key_values"].batch_select_indices(rows)
    for name in ("input_ids", "position_ids", "attention_mask"):
        step[name] = step[name][rows]


def _tokens_in_memory(info: ModelInfo, on: Compute) -> int:
    """How many tokens a batch may hold: each has keys and values in every layer, and passes through the widest one."""
    if on.device == "cuda":
        import torch

        total = torch.cuda.get_device_properties(0).total_memory
    else:
        import psutil

        total = psutil.virtual_memory().total
    cached = 2 * info.layers * info.key_value_heads * info.head_size
    passing = 4 * info.intermediate_size + 8 * info.hidden_size
    width = on.dtype.itemsize
    return int((MEMORY_SHARE * total - info.parameters * width) // ((cached + passing) * width))
