"""Answers to requests that differ in their settings, in one batch: greedy, or drawn with a temperature and a seed.

An answer is drawn by the Gumbel-max trick (Gumbel 1954, *Statistical theory of extreme values*): noise from the
generator of its own seed is added to the logits, divided by the temperature, and the most likely token is taken. So an
answer does not depend on the other requests of its batch, apart from the rounding of sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftdojo.contract.task_spec import Message
from ftdojo.inference.engine import ATTENTION, most_tokens
from ftdojo.inference.protocol import Generation
from ftdojo.models import Chat, compute, describe, network
from ftdojo.models.architectures import runs_batched

if TYPE_CHECKING:
    import torch

COLDEST = 1e-3
"""Lower temperatures are taken for this one, at which the most likely token is practically always drawn."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request."""

    prompt: list[int]
    """Its tokens."""
    max_new_tokens: int
    temperature: float | None
    """``None`` and 0 are greedy."""
    seed: int

    @property
    def tokens(self) -> int:
        """The most tokens of prompt and answer."""
        return len(self.prompt) + self.max_new_tokens


class SampledModel:
    """A model loaded for such requests."""

    def __init__(self, model: Path, *, loaded: Any = None) -> None:
        """Load the model in ``model``, on the device and in the precision chosen for this machine.

        ``loaded``: its network, if that is in memory already, as for :class:`ftdojo.inference.TransformersEngine`.
        """
        from transformers import GenerationConfig

        on = compute()
        info = describe(model)
        self._chat = Chat(model)
        if loaded is None:
            loaded = network.load(model, on.dtype, ATTENTION)
        loaded.generation_config = GenerationConfig()  # a model's own may change the logits
        self._network = loaded.to(on.device).eval()
        self._pad = network.usable_pad(loaded, self._chat.pad)
        self._batch_tokens = most_tokens(info, on)
        self.room = min(info.context_length, self._batch_tokens)
        """The most tokens of one prompt and its answer."""

    @classmethod
    def open(cls, model: Path) -> AbstractContextManager[SampledModel]:
        """See :class:`ftdojo.inference.Opener`."""
        return nullcontext(cls(model))

    @classmethod
    def open_network(cls, loaded: Any, model: Path) -> AbstractContextManager[SampledModel]:
        """See :class:`ftdojo.inference.Opener`."""
        return nullcontext(cls(model, loaded=loaded))

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """Return the tokens of a prompt.

        Raises:
            UsageError: if the model's template refuses the conversation.
        """
        return self._chat.prompt(messages)

    def count_fitting(self, asks: Sequence[Ask]) -> int:
        """Return how many of the first requests fit into one batch, at least one."""
        longest = accumulate((ask.tokens for ask in asks), max)
        fitting = (
            n
            for n, width in enumerate(longest, start=1)
            if n * width <= self._batch_tokens and runs_batched(self._network.config, width)
        )
        return max(fitting, default=1)

    def answer(self, asks: Sequence[Ask], stop: Callable[[], bool]) -> list[Generation]:
        """Answer requests in one batch; when ``stop`` says so, end all answers where they are."""
        import torch
        from transformers import GenerationConfig

        width = max(len(ask.prompt) for ask in asks)
        device = self._network.device
        rows = [[self._pad] * (width - len(ask.prompt)) + ask.prompt for ask in asks]
        mask = [[0] * (width - len(ask.prompt)) + [1] * len(ask.prompt) for ask in asks]
        limits = torch.tensor([ask.max_new_tokens for ask in asks], device=device)

        def has_ended(tokens: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
            made = tokens.shape[1] - width
            return torch.ones_like(limits, dtype=torch.bool) if stop() else limits <= made

        with torch.inference_mode(), network.quiet():
            out = self._network.generate(
                torch.tensor(rows, device=device),
                attention_mask=torch.tensor(mask, device=device),
                generation_config=GenerationConfig(
                    do_sample=False,
                    max_new_tokens=max(ask.max_new_tokens for ask in asks),
                    eos_token_id=sorted(self._chat.stops),
                    pad_token_id=self._pad,
                ),
                logits_processor=[_add_noise(asks, device)],
                stopping_criteria=[has_ended],
            )
        return [self._read(tokens, ask) for tokens, ask in zip(out[:, width:].tolist(), asks, strict=True)]

    def _read(self, tokens: list[int], ask: Ask) -> Generation:
        made = tokens[: ask.max_new_tokens]
        end = next((place for place, token in enumerate(made) if token in self._chat.stops), None)
        kept = made if end is None else made[:end]
        return Generation(self._chat.read(kept, ask.prompt), len(kept), truncated=end is None)


def _add_noise(asks: Sequence[Ask], device: torch.device) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Return a function that adds the noise of each request to the logits of its next token."""
    import torch

    generators = [
        torch.Generator(device).manual_seed(ask.seed) if (ask.temperature or 0.0) > 0 else None for ask in asks
    ]

    def add(_: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        for row, (ask, generator) in enumerate(zip(asks, generators, strict=True)):
            if generator is not None:
                waits = torch.empty_like(logits[row]).exponential_(generator=generator)
                logits[row] = logits[row] / max(ask.temperature or 0.0, COLDEST) - waits.log()
        return logits

    return add
