"""The objective of a training on rewards: before every step the model answers the prompts, and is judged."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ftdojo.contract.feedback import RewardPoint, RolloutPoint
from ftdojo.findings import Finding
from ftdojo.training.grpo import loss as losses
from ftdojo.training.grpo.config import GrpoConfig
from ftdojo.training.grpo.draw import Answer, Draws
from ftdojo.training.grpo.reward import Reward, Rewards
from ftdojo.training.grpo.rows import Prompt
from ftdojo.training.grpo.watch import find_collapse
from ftdojo.training.sft.batches import Batch, collate
from ftdojo.training.sft.loss import token_losses
from ftdojo.training.sft.objective import Collate, Loss, Objective
from ftdojo.training.sft.tokens import Example

JUDGED = ("reward", "score", "right", "varied", "output_tokens", "cut", "top_output")
"""What is known of every answer once it is judged: the columns of ``judged`` of a batch."""


class GrpoObjective(Objective[Prompt]):
    """See :class:`ftdojo.training.grpo.config.GrpoConfig`. It holds the answers of the last step, so every training
    needs its own."""

    falls = False

    def __init__(self, config: GrpoConfig, rewards: Rewards, draws: Draws) -> None:
        self.repeats = config.iterations
        self._config, self._rewards, self._draws = config, rewards, draws
        self._rows: list[Prompt] = []
        self._top_gold = 0.0
        self._form = 0, False
        """The token to pad with, and whether a common prefix is computed once."""
        self._batches: list[Batch] = []
        self._left = 0
        """Steps that are still to be made on these batches."""
        self._start: dict[str, torch.Tensor] = {}
        """The weights at the start, if the divergence from them is penalized."""

    def build_row(self, sequences: Sequence[Example]) -> Prompt:
        """Raise: a training on rewards runs in one process, which has its rows."""
        raise TypeError("a training on rewards runs in one process")

    def collate(self, rows: Sequence[Prompt], pad: int, *, share: bool) -> Batch:
        """Return the numbers of rows. What passes through the model is made by :meth:`sample`."""
        self._form = pad, share
        return {"numbers": torch.tensor([row.number for row in rows])}

    def prepare(self, network: Any, rows: Sequence[Prompt], batch_size: int, collate: Collate[Prompt]) -> list[Prompt]:
        """Number the rows."""
        self._rows = [replace(row, number=number) for number, row in enumerate(rows)]
        golds = Counter(row.row.completion for row in rows)
        self._top_gold = golds.most_common(1)[0][1] / len(rows)
        return self._rows

    def sample(self, network: Any, batches: list[Batch]) -> list[Batch]:
        """Let the model answer the prompts of a step, unless steps on the last answers are left."""
        if not self._left:
            self._batches, self._left = self._answer(network, batches), self.repeats
        self._left -= 1
        return self._batches

    def _answer(self, network: Any, batches: list[Batch]) -> list[Batch]:
        parts = [[self._rows[number] for number in batch["numbers"].tolist()] for batch in batches]
        prompts = [prompt for part in parts for prompt in part]
        drawn = self._draws.draw(network, prompts)
        items = [prompt.row.item for prompt in prompts for _ in range(self._config.group_size)]
        given = self._rewards.give(items, [answer.output for group in drawn for answer in group])
        values = torch.tensor([reward.value for reward in given]).view(len(prompts), -1)
        advantages = losses.advantages(values, self._config.scale_rewards)
        judged = _describe(drawn, given, values)
        made, at = [], 0
        for part in parts:
            rows = slice(at, at + len(part))
            sequences = [
                sequence
                for prompt, group in zip(part, drawn[rows], strict=True)
                for sequence in prompt.with_answers([answer.tokens for answer in group]).sequences
            ]
            pad, share = self._form
            batch = collate(sequences, pad, share=share)
            batch |= {"advantages": advantages[rows].flatten(), "judged": judged[rows].flatten(0, 1)}
            made.append(self._with_probabilities(network, {k: t.to(network.device) for k, t in batch.items()}))
            at += len(part)
        return made

    def _with_probabilities(self, network: Any, batch: Batch) -> Batch:
        """Return a batch with the log-probabilities by the model before the step, and by that at the start, if they are
        needed."""
        if self.repeats == 1 and not self._config.kl:
            return batch
        training = network.training
        network.eval()
        with torch.no_grad():
            if self.repeats > 1:
                batch["old"] = -token_losses(network, batch, self._config.temperature)[0]
            if self._config.kl:
                with self._at_start(network):
                    batch["reference"] = -token_losses(network, batch, self._config.temperature)[0]
        network.train(training)
        return batch

    @contextlib.contextmanager
    def _at_start(self, network: Any) -> Iterator[None]:
        """Give the network the weights at the start within the context."""
        learned = {name: p for name, p in network.named_parameters() if p.requires_grad}
        if not self._start:
            self._start = {name: p.detach().clone() for name, p in learned.items()}
        now = {name: p.data for name, p in learned.items()}
        try:
            for name, parameter in learned.items():
                parameter.data = self._start[name]
            yield
        finally:
            for name, parameter in learned.items():
                parameter.data = now[name]

    def count_units(self, batch: Batch) -> torch.Tensor:
        """Return by how much the loss of a batch is divided (:func:`ftdojo.training.grpo.loss.count_units`)."""
        learned = batch["labels"] >= 0
        return losses.count_units(learned, self._config.loss, self._config.answer_limit(self._rows[0].limit))

    def loss(self, network: Any, batch: Batch) -> Loss:
        """Return the loss of a batch, and what is known of its answers."""
        negative, learned = token_losses(network, batch, self._config.temperature)
        old = batch.get("old", -negative.detach())
        answered = losses.Answered(-negative, old, batch.get("reference"), learned, batch["advantages"])
        each, divergence = losses.token_objectives(answered, self._config)
        logged = dict(zip(JUDGED, batch["judged"].sum(0), strict=True)) | {
            "entropy": losses.mean_tokens(negative.detach(), learned).sum(),
            "kl": losses.mean_tokens(divergence.detach(), learned).sum(),
        }
        total = losses.total(each, learned, self._config.loss)
        return Loss(total, self.count_units(batch), logged, count=len(learned))

    def judge(self, rewards: Sequence[RewardPoint], rollouts: Sequence[RolloutPoint]) -> Finding | None:
        """See :mod:`ftdojo.training.grpo.watch`."""
        return find_collapse(rollouts, top_gold=self._top_gold)


def make_objective(config: GrpoConfig, rewards: Rewards, base: Path) -> GrpoObjective:
    """Make the objective of one training of a model with the tokenizer of ``base``."""
    return GrpoObjective(config, rewards, Draws(config, base))


def _describe(drawn: Sequence[Sequence[Answer]], given: Sequence[Reward], values: torch.Tensor) -> torch.Tensor:
    """Return :data:`JUDGED` of every answer, of shape (groups, answers of each, columns)."""
    groups, size = values.shape
    texts = Counter(answer.output.text.strip() for group in drawn for answer in group)
    top = texts.most_common(1)[0][1] / values.numel()
    varied = (values != values[:, :1]).any(dim=1).tolist()
    rows = [
        [reward.value, reward.score, reward.right, varied[n // size], answer.output.tokens, answer.output.cut, top]
        for n, (reward, answer) in enumerate(zip(given, (a for group in drawn for a in group), strict=True))
    ]
    return torch.tensor(rows, dtype=torch.float32).view(groups, size, len(JUDGED))
