"""Generation with transformers: greedy, in a fixed order, in batches of similar length.

It uses its own loop instead of ``generate``, for two savings that do not change the outputs: the common prefix of a
batch's prompts is computed once, and rows that have ended are removed from the batch. A model that is not known to give
the same outputs in such batches (:mod:`ftdojo.models.architectures`) answers one prompt at a time, with ``generate``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftdojo.contract.model_info import ModelInfo
from ftdojo.contract.task_spec import Message
from ftdojo.errors import UsageError
from ftdojo.inference.protocol import EnginePlugin, Generation
from ftdojo.models import Chat, Compute, compute, describe, network, prefix
from ftdojo.models.architectures import runs_batched, version_hint

if TYPE_CHECKING:
    import torch

ENGINE = "transformers-greedy-5"
"""Part of the identity of stored outputs: increase its number when outputs may change."""
ATTENTION = "sdpa"
"""The attention function of transformers that generation uses."""
BATCH_TOKENS = {"cpu": 16_384, "cuda": 131_072}
"""Most tokens of a batch, prompts and answers together, if memory allows it."""
MEMORY_SHARE = 0.4
"""Share of the device's memory for the model and a batch's tokens. It is a share of all memory, not of the free memory,
so that the batches, and with them the rounding of sums, are the same in every run on a machine."""
MAX_BATCH = {"cpu": 128, "cuda": 256}
GROUP = 8
"""Assumed rows per batch when choosing between shared prefixes and little padding: small batches already gain."""
READ_ROWS = 16
"""Prompts per prefill step."""
CROWDED = 0.75
"""Ended rows are removed when at most this share of the rows is unfinished, because removing copies the cache."""


class TransformersEngine:
    """A model loaded for generation."""

    def __init__(self, model: Path, on: Compute | None = None, *, loaded: Any = None) -> None:
        """Load the model in ``model``.

        Args:
            model: folder of the model.
            on: the device and precision to run it with; by default chosen for this machine.
            loaded: its network, if that is in memory already, on this device, in this precision and with the attention
                function :data:`ATTENTION`.
        """
        self._compute = on or compute()
        self._chat = Chat(model)
        info = describe(model)
        if loaded is None:
            loaded = network.load(model, self._compute.dtype, ATTENTION)
        self._network = loaded.to(self._compute.device).eval()
        self._batched = runs_batched(loaded.config)
        self._plain = self._batched and prefix.can_share(loaded.config)
        self._cache = network.cache_argument(loaded) if self._batched else ""
        self._pad = network.usable_pad(loaded, self._chat.pad)
        self._batch_tokens = min(BATCH_TOKENS[self._compute.device], tokens_in_memory(info, self._compute))

    def generate(
        self,
        prompts: Sequence[Sequence[Message]],
        *,
        max_new_tokens: int,
        done: Mapping[int, Generation] | None = None,
        on_answers: Callable[[dict[int, Generation]], None] | None = None,
    ) -> list[Generation]:
        """See :meth:`ftdojo.inference.Engine.generate`. Batches do not depend on known answers."""
        encoded = [self._chat.prompt(prompt) for prompt in prompts]
        answers = dict(done or {})
        for batch in self._batches(encoded, max_new_tokens):
            if all(i in answers for i in batch):
                continue
            tokens = self._answer([encoded[i] for i in batch], max_new_tokens)
            made = {i: self._read(answer, encoded[i]) for i, answer in zip(batch, tokens, strict=True)}
            answers |= made
            if on_answers is not None:
                on_answers(made)
        return [answers[i] for i in range(len(prompts))]

    def _batches(self, prompts: list[list[int]], max_new_tokens: int) -> list[list[int]]:
        """Group the positions of similar prompts into batches.

        A batch ends where its group of similar prompts ends, or where it would have too many tokens.
        """
        device = self._compute.device
        keys = prefix.sort_keys(prompts, GROUP)
        batches: list[list[int]] = []
        for i in sorted(range(len(prompts)), key=lambda i: (keys[i], i)):
            # Sorted by length within a group, so the added row is the longest of the batch.
            width = len(prompts[i]) + max_new_tokens
            size = max(1, min(MAX_BATCH[device], self._batch_tokens // width))
            if batches and len(batches[-1]) < size and keys[batches[-1][0]][0] == keys[i][0]:
                batches[-1].append(i)
            else:
                batches.append([i])
        return batches

    def _answer(self, prompts: list[list[int]], max_new_tokens: int) -> list[list[int]]:
        """Return the tokens generated for each prompt, including the one that ends the answer."""
        import torch

        if not self._batched:
            return [self._answer_alone(prompt, max_new_tokens) for prompt in prompts]
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
                    _keep(step, torch.tensor(going, device=tokens.device), self._cache)
                mask = step["attention_mask"]
                step["attention_mask"] = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
                tokens = self._next(step)

    def _answer_alone(self, prompt: list[int], max_new_tokens: int) -> list[int]:
        """Return the tokens that the library's own loop generates for one prompt."""
        import torch
        from transformers import GenerationConfig

        tokens = self._tensor([prompt])
        settings = GenerationConfig(
            do_sample=False,
            max_new_tokens=max_new_tokens,
            eos_token_id=sorted(self._chat.stops),
            pad_token_id=self._pad,
        )
        try:
            with torch.inference_mode(), network.quiet():
                whole = torch.ones_like(tokens)
                made = self._network.generate(tokens, attention_mask=whole, generation_config=settings)
        except (ValueError, TypeError, AttributeError, NotImplementedError, IndexError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UsageError(
                f"{type(self._network).__name__} cannot generate text: {reason}; {version_hint()}",
                fix="choose another base model, or another version of transformers",
            ) from error
        answer: list[int] = made[0, len(prompt) :].tolist()
        return answer

    def _next(self, step: dict[str, Any]) -> torch.Tensor:
        """Return the most likely next token of every row; of equally likely ones the first, like argmax but faster."""
        logits = self._network(**step, use_cache=True, logits_to_keep=1).logits
        tokens: torch.Tensor = logits[:, -1].max(dim=-1).indices
        return tokens

    def _begin(self, prompts: list[list[int]]) -> tuple[torch.Tensor, dict[str, Any]]:
        """Return the first token of every answer, and the arguments of the forward pass that made it.

        The prompts are processed a few rows at a time, so that they need little padding, and their common prefix only
        once. The answers continue in one batch.
        """
        import torch
        from transformers import DynamicCache

        from ftdojo.inference.cache import empty_cache, place, prefill, repeat_cache

        config = self._network.config
        if not self._plain:
            step = self._step(prompts, 0, DynamicCache(config=config))
            return self._next(step), step
        layers = config.get_text_config().num_hidden_layers
        length, longest = prefix.shared_length(prompts, min(map(len, prompts)) - 1), max(map(len, prompts))
        if length:
            one = prefill(self._network, self._tensor([prompts[0][:length]]), empty_cache(layers))
        whole, tokens = empty_cache(layers), []
        for at in range(0, len(prompts), READ_ROWS):
            some = prompts[at : at + READ_ROWS]
            step = self._step(some, length, repeat_cache(one, len(some)) if length else empty_cache(layers))
            tokens.append(self._next(step))
            place(whole, step[self._cache], at=at, rows=len(prompts), prefix=length, longest=longest)
        return torch.cat(tokens), self._step(prompts, length, whole)

    def _step(self, prompts: list[list[int]], length: int, cache: Any) -> dict[str, Any]:
        """Return the arguments of a forward pass over left-padded prompts whose first ``length`` tokens are cached."""
        longest = max(map(len, prompts))
        mask = self._tensor([[1] * length + [0] * (longest - len(p)) + [1] * (len(p) - length) for p in prompts])
        return {
            "input_ids": self._tensor([[self._pad] * (longest - len(p)) + p[length:] for p in prompts]),
            "attention_mask": mask,
            "position_ids": (mask.cumsum(1) - 1).clamp(min=0)[:, length:],
            self._cache: cache,
        }

    def _tensor(self, values: list[list[int]]) -> torch.Tensor:
        import torch

        return torch.tensor(values, device=self._compute.device)

    def _ended(self, answer: list[int]) -> bool:
        return bool(answer) and answer[-1] in self._chat.stops

    def _read(self, answer: list[int], prompt: list[int]) -> Generation:
        ended = self._ended(answer)
        kept = answer[:-1] if ended else answer
        return Generation(self._chat.read(kept, prompt), len(kept), truncated=not ended)


PLUGIN = EnginePlugin(
    ENGINE,
    lambda model: nullcontext(TransformersEngine(model)),
    lambda loaded, model: nullcontext(TransformersEngine(model, loaded=loaded)),
)


def _keep(step: dict[str, Any], rows: torch.Tensor, cache: str) -> None:
    """Keep only some rows of a batch, whose argument ``cache`` holds keys and values."""
    step[cache].batch_select_indices(rows)
    for name in ("input_ids", "position_ids", "attention_mask"):
        step[name] = step[name][rows]


def tokens_in_memory(info: ModelInfo, on: Compute) -> int:
    """Return the most tokens of a batch: each has keys and values in every layer, and activations in the widest one."""
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
