"""Losses of preferences, from the log-probabilities of the answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch.nn.functional import logsigmoid

from ftdojo.contract.feedback import RewardPoint, RolloutPoint
from ftdojo.findings import Finding
from ftdojo.training.backend import REFERENCE_DRIFT, REWARD_ACCURACY, REWARD_MARGIN
from ftdojo.training.dpo.judged import JudgedPair
from ftdojo.training.dpo.pairs import Pair
from ftdojo.training.dpo.watch import find_drift
from ftdojo.training.sft.batches import Batch
from ftdojo.training.sft.loss import sequence_losses
from ftdojo.training.sft.objective import Collate, Loss, Objective
from ftdojo.training.sft.shapes import cut_positions
from ftdojo.training.sft.tokens import Example

CERTAIN = -1e-6
"""The highest mean log-probability of which odds are computed: those of a certain answer are infinite."""

P = TypeVar("P", bound=Pair)


@dataclass(frozen=True, slots=True)
class Answers:
    """Both answers of each pair of a batch. All tensors have the shape (pairs, 2), the chosen answer first."""

    policy: torch.Tensor
    """Log-probabilities by the model that is trained, in nats."""
    reference: torch.Tensor
    """The same by the model that the training started from."""
    tokens: torch.Tensor
    """Numbers of tokens."""
    good: torch.Tensor | None = None
    """Of judged answers, shape (pairs,): whether the first answer is good. The second one is that of another row."""


@dataclass(frozen=True)
class PreferenceObjective(Objective[P]):
    """What all losses of preferences have in common. The units are pairs."""

    beta: float

    @abstractmethod
    def losses(self, answers: Answers) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of each pair, and how much higher the implicit reward of its chosen answer is."""

    def drifts(self, answers: Answers) -> torch.Tensor | None:
        """Return how much less likely each chosen answer is than in the reference, in nats per token; ``None`` without
        a reference."""
        return None

    def collate(self, rows: Sequence[P], pad: int, *, share: bool) -> Batch:
        """Make one batch, with ``reference`` of shape (pairs, 2)."""
        return {
            **super().collate(rows, pad, share=share),
            "reference": torch.tensor([row.reference for row in rows], dtype=torch.float32),
        }

    def count_units(self, batch: Batch) -> torch.Tensor:
        """Return the number of pairs."""
        return torch.tensor(len(batch["reference"]), device=batch["reference"].device)

    def loss(self, network: Any, batch: Batch) -> Loss:
        """Return the loss of a batch, and its rewards."""
        policy, tokens = log_probabilities(network, batch)
        answers = Answers(policy, batch["reference"], tokens, batch.get("good"))
        losses, margins = self.losses(answers)
        logged = {REWARD_MARGIN: margins.detach().sum(), REWARD_ACCURACY: (margins > 0).sum()}
        if (drifts := self.drifts(answers)) is not None:
            logged[REFERENCE_DRIFT] = drifts.detach().sum()
        return Loss(losses.sum(), self.count_units(batch), logged)

    def judge(self, rewards: Sequence[RewardPoint], rollouts: Sequence[RolloutPoint]) -> Finding | None:
        """See :mod:`ftdojo.training.dpo.watch`."""
        return find_drift(rewards)


@dataclass(frozen=True)
class ReferenceObjective(PreferenceObjective[P]):
    """What losses relative to the weights at the start have in common."""

    passes_before = 1.0

    def prepare(self, network: Any, rows: Sequence[P], batch_size: int, collate: Collate[P]) -> list[P]:
        """Compute the reference: log-probabilities of all answers before the training."""
        done, training = list(rows), network.training
        network.eval()
        for positions in cut_positions(rows, batch_size):
            batch = {name: t.to(network.device) for name, t in collate([rows[i] for i in positions]).items()}
            with torch.no_grad():
                found, _ = log_probabilities(network, batch)
            for i, (chosen, rejected) in zip(positions, found.tolist(), strict=True):
                done[i] = replace(rows[i], reference=(chosen, rejected))
        network.train(training)
        return done


@dataclass(frozen=True)
class DpoObjective(ReferenceObjective[Pair]):
    """Direct preference optimization; see :class:`ftdojo.training.dpo.config.DpoConfig`."""

    form: str
    sft_weight: float

    def build_row(self, sequences: Sequence[Example]) -> Pair:
        """See :func:`make_pair`."""
        return make_pair(sequences)

    def losses(self, answers: Answers) -> tuple[torch.Tensor, torch.Tensor]:
        """Equation 7 of arXiv 2305.18290; for ``ipo`` equation 17 of arXiv 2310.12036 with log-ratios per token; with
        ``sft_weight`` plus the second term of equation 1 of arXiv 2404.19733."""
        ratios = answers.policy - answers.reference
        if self.form == "ipo":
            ratios = ratios / answers.tokens
        gain = ratios[:, 0] - ratios[:, 1]
        losses = (gain - 1 / (2 * self.beta)) ** 2 if self.form == "ipo" else -logsigmoid(self.beta * gain)
        if self.sft_weight:
            losses = losses - self.sft_weight * (answers.policy / answers.tokens)[:, 0]
        return losses, self.beta * gain

    def drifts(self, answers: Answers) -> torch.Tensor:
        """Of the chosen answers."""
        return ((answers.reference - answers.policy) / answers.tokens)[:, 0]


@dataclass(frozen=True)
class OrpoObjective(PreferenceObjective[Pair]):
    """Odds-ratio preference optimization; see :class:`ftdojo.training.dpo.config.OrpoConfig`."""

    def build_row(self, sequences: Sequence[Example]) -> Pair:
        """See :func:`make_pair`."""
        return make_pair(sequences)

    def losses(self, answers: Answers) -> tuple[torch.Tensor, torch.Tensor]:
        """Equations 6 and 7 of arXiv 2403.07691, with the geometric mean of the tokens' probabilities."""
        means = answers.policy / answers.tokens
        certain = means.clamp(max=CERTAIN)
        odds = certain - torch.log(-torch.expm1(certain))
        losses = -means[:, 0] - self.beta * logsigmoid(odds[:, 0] - odds[:, 1])
        return losses, self.beta * (means[:, 0] - means[:, 1])


@dataclass(frozen=True)
class KtoObjective(ReferenceObjective[JudgedPair]):
    """Kahneman-Tversky optimization; see :class:`ftdojo.training.dpo.config.KtoConfig`."""

    good_weight: float
    bad_weight: float

    def build_row(self, sequences: Sequence[Example]) -> JudgedPair:
        """Raise: a training on judged answers runs in one process, which has their labels."""
        raise TypeError("a training on judged answers runs in one process")

    def collate(self, rows: Sequence[JudgedPair], pad: int, *, share: bool) -> Batch:
        """Make one batch, with ``good`` of shape (rows,)."""
        return {**super().collate(rows, pad, share=share), "good": torch.tensor([row.good for row in rows])}

    def losses(self, answers: Answers) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss L_KTO of arXiv 2402.01306, section 4.1. The reference point is the mean log-ratio of the batch's
        prompts with the answers of other rows, at least 0, without gradients."""
        assert answers.good is not None
        ratios = answers.policy - answers.reference
        point = ratios[:, 1].detach().mean().clamp(min=0)
        margins = torch.where(answers.good, 1.0, -1.0) * self.beta * (ratios[:, 0] - point)
        weights = torch.where(answers.good, self.good_weight, self.bad_weight)
        return weights * (1 - margins.sigmoid()), margins


def make_pair(sequences: Sequence[Example]) -> Pair:
    """Make a pair of the chosen and of the rejected sequence."""
    chosen, rejected = sequences
    return Pair(chosen, rejected)


def log_probabilities(network: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the log-probabilities of the answers of a batch, in nats, and their numbers of tokens: (pairs, 2) each."""
    losses, counts = sequence_losses(network, batch)
    return -losses.view(-1, 2), counts.view(-1, 2)
