"""Generation with transformers: greedy, in a fixed order, in batches of similar length.

It uses its own loop (:mod:`ftdojo.inference.decoding`) instead of ``generate``. A model that is not known to give the
same outputs in batches (:mod:`ftdojo.models.architectures`) answers one prompt at a time, with ``generate``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ftdojo.contract.model_info import ModelInfo
from ftdojo.contract.task_spec import Message
from ftdojo.errors import UsageError
from ftdojo.inference.decoding import Decoder, choose_likeliest
from ftdojo.inference.protocol import EnginePlugin, Generation
from ftdojo.models import Chat, Compute, architectures, compute, describe, network, prefix
from ftdojo.models.architectures import runs_batched, version_hint

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
        from transformers import GenerationConfig

        self._compute = on or compute()
        self._chat = Chat(model)
        info = describe(model)
        if loaded is None:
            loaded = network.load(model, self._compute.dtype, ATTENTION)
        loaded.generation_config = GenerationConfig()  # a model's own may change the logits
        self._network = loaded.to(self._compute.device).eval()
        batched = runs_batched(loaded.config)
        self._decoder = Decoder(loaded, stops=self._chat.stops, pad=self._chat.pad) if batched else None
        self._batch_tokens = most_tokens(info, self._compute)

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

        longest = max(map(len, prompts)) + max_new_tokens
        if self._decoder is None or not runs_batched(self._network.config, longest):
            return [self._answer_alone(prompt, max_new_tokens) for prompt in prompts]
        with torch.inference_mode():
            return self._decoder.answer(prompts, max_new_tokens, choose_likeliest)

    def _answer_alone(self, prompt: list[int], max_new_tokens: int) -> list[int]:
        """Return the tokens that the library's own loop generates for one prompt, up to the last position that the
        model has."""
        import torch
        from transformers import GenerationConfig

        room = architectures.most_tokens(self._network.config) - len(prompt)
        if room < 1:
            return []
        tokens = torch.tensor([prompt], device=self._compute.device)
        settings = GenerationConfig(
            do_sample=False,
            max_new_tokens=int(min(max_new_tokens, room)),
            eos_token_id=sorted(self._chat.stops),
            pad_token_id=network.usable_pad(self._network, self._chat.pad),
        )
        try:
            with torch.inference_mode(), network.quiet():
                whole = torch.ones_like(tokens)
                made = self._network.generate(tokens, attention_mask=whole, generation_config=settings)
        except torch.OutOfMemoryError:
            raise
        except (ValueError, TypeError, AttributeError, RuntimeError, IndexError, KeyError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UsageError(
                f"{type(self._network).__name__} cannot generate text: {reason}; {version_hint()}",
                fix="choose another base model, or another version of transformers",
            ) from error
        answer: list[int] = made[0, len(prompt) :].tolist()
        return answer

    def _read(self, answer: list[int], prompt: list[int]) -> Generation:
        ended = bool(answer) and answer[-1] in self._chat.stops
        kept = answer[:-1] if ended else answer
        return Generation(self._chat.read(kept, prompt), len(kept), truncated=not ended)


PLUGIN = EnginePlugin(
    ENGINE,
    lambda model: nullcontext(TransformersEngine(model)),
    lambda loaded, model: nullcontext(TransformersEngine(model, loaded=loaded)),
)


def _tokens_in_memory(info: ModelInfo, on: Compute) -> int:
    """Return the most tokens of a batch: each has keys and values in every layer, and activations in the widest one."""
    if on.device == "cuda":
        import torch

        total = torch.cuda.get_device_properties(0).total_memory
    else:
        import psutil

        total = psutil.virtual_memory().total
    return int((MEMORY_SHARE * total - info.parameters * on.dtype.itemsize) // bytes_per_token(info, on))


def bytes_per_token(info: ModelInfo, on: Compute) -> int:
    """Return the bytes of a token of a batch, of prompts and answers alike."""
    cached = 2 * info.layers * info.key_value_heads * info.head_size
    passing = 4 * info.intermediate_size + 8 * info.hidden_size
    return (cached + passing) * on.dtype.itemsize


def most_tokens(info: ModelInfo, on: Compute) -> int:
    """Return the most tokens of a batch, prompts and answers together; at least 1."""
    return max(1, min(BATCH_TOKENS[on.device], _tokens_in_memory(info, on)))
