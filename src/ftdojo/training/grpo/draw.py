"""Answers of a model to prompts, drawn at random: several to each prompt, while the model is in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ftdojo.inference.decoding import Decoder
from ftdojo.inference.engine import most_tokens
from ftdojo.models import Chat, compute, describe
from ftdojo.training.grpo.config import GrpoConfig
from ftdojo.training.grpo.reward import Output
from ftdojo.training.grpo.rows import Prompt


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer."""

    tokens: list[int]
    """With the token that ends it, if it ended before the limit."""
    output: Output


class Draws:
    """Draws answers. The same calls with the same weights give the same answers."""

    def __init__(self, config: GrpoConfig, base: Path) -> None:
        """Prepare for models with the tokenizer of ``base``."""
        self._config, self._chat = config, Chat(base)
        self._generator: torch.Generator | None = None
        self._room = most_tokens(describe(base), compute())

    def draw(self, network: Any, prompts: Sequence[Prompt]) -> list[list[Answer]]:
        """Return ``group_size`` answers to each prompt, of a model that may have adapters."""
        inner = network.get_base_model() if hasattr(network, "get_base_model") else network
        if self._generator is None:
            self._generator = torch.Generator(inner.device).manual_seed(self._config.seed)
        decoder = Decoder(inner, stops=self._chat.stops, pad=self._chat.pad)
        answers: list[list[Answer]] = [[] for _ in prompts]
        training = network.training
        network.eval()
        with torch.no_grad():
            for batch in self._batches(prompts):
                limits = [prompts[i].answer_limit(self._config) for i in batch]
                asked = [prompts[i].asked for i in batch]
                made = decoder.answer(asked, max(limits), self._choose, copies=self._config.group_size)
                for number, tokens in enumerate(made):
                    place = number // self._config.group_size
                    answers[batch[place]].append(self._read(tokens[: limits[place]], prompts[batch[place]]))
        network.train(training)
        return answers

    def _batches(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        """Group the positions of prompts of similar length into batches, of as many tokens as memory allows."""
        batches: list[list[int]] = []
        for i in sorted(range(len(prompts)), key=lambda i: (len(prompts[i].asked), i)):
            each = self._config.group_size * (len(prompts[i].asked) + prompts[i].answer_limit(self._config))
            if batches and each * (len(batches[-1]) + 1) <= self._room:
                batches[-1].append(i)
            else:
                batches.append([i])
        return batches

    def _choose(self, logits: torch.Tensor) -> torch.Tensor:
        """Draw the next token of every row, by the Gumbel-max trick (:mod:`ftdojo.inference.sampled`)."""
        scores = torch.log_softmax(logits.float() / self._config.temperature, dim=-1)
        if self._config.top_p < 1:
            scores = keep_nucleus(scores, self._config.top_p)
        waits = torch.empty_like(scores).exponential_(generator=self._generator)
        return (scores - waits.log()).max(dim=-1).indices

    def _read(self, tokens: list[int], prompt: Prompt) -> Answer:
        ended = tokens[-1] in self._chat.stops
        text = self._chat.read(tokens[:-1] if ended else tokens, prompt.asked)
        return Answer(tokens, Output(text, len(tokens), prompt.answer_limit(self._config), cut=not ended))


def keep_nucleus(scores: torch.Tensor, top_p: float) -> torch.Tensor:
    """Return log-probabilities, of shape (rows, vocabulary), with minus infinity for all tokens but the likeliest ones
    that together have the probability ``top_p`` (Holtzman et al. 2020, arXiv 1904.09751)."""
    ordered, places = scores.sort(dim=-1, descending=True)
    before = ordered.exp().cumsum(dim=-1) - ordered.exp()
    dropped = torch.zeros_like(before, dtype=torch.bool).scatter(-1, places, before >= top_p)
    return scores.masked_fill(dropped, -torch.inf)
