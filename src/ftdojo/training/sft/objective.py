"""What a training minimizes. The trainer, the monitor and the forecast are the same for every objective."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

import torch

from ftdojo.contract.feedback import RewardPoint, RolloutPoint
from ftdojo.findings import Finding
from ftdojo.training.sft.batches import Batch, collate
from ftdojo.training.sft.loss import label_loss
from ftdojo.training.sft.tokens import IGNORED, Example, S

Collate = Callable[[Sequence[S]], Batch]
"""Makes one batch of rows."""


@dataclass(frozen=True, slots=True)
class Loss:
    """The loss of one batch, summed over its units."""

    total: torch.Tensor
    """A scalar with gradients."""
    units: torch.Tensor
    """The number of units, e.g. label tokens."""
    logged: Mapping[str, torch.Tensor] = field(default_factory=dict)
    """Further numbers to log, by name, each summed over ``count`` units or answers, without gradients."""
    count: int | None = None
    """Over how many these are summed; ``None``: over the units."""


class Objective(ABC, Generic[S]):
    """The loss of a training, as a sum over units that all have the same weight in an optimizer step."""

    passes_before: float = 0.0
    """How often all rows pass forward through the model before the first step."""
    falls: bool = True
    """Whether the loss falls while the model learns. If not, nothing is concluded from its curve."""
    repeats: int = 1
    """Optimizer steps on every batch, one after the other."""

    def collate(self, rows: Sequence[S], pad: int, *, share: bool) -> Batch:
        """Make one batch of all sequences of rows (:func:`ftdojo.training.sft.batches.collate`)."""
        return collate([sequence for row in rows for sequence in row.sequences], pad, share=share)

    @abstractmethod
    def build_row(self, sequences: Sequence[Example]) -> S:
        """Make a row of its sequences."""

    def prepare(self, network: Any, rows: Sequence[S], batch_size: int, collate: Collate[S]) -> list[S]:
        """Compute what depends on the weights that the training starts from, once, before the first step.

        Args:
            network: the model with those weights, on its device.
            rows: all rows.
            batch_size: rows of a batch.
            collate: makes a batch of rows.

        Returns:
            The same rows in the same order, with what was computed.
        """
        return list(rows)

    def sample(self, network: Any, batches: list[Batch]) -> list[Batch]:
        """Return the batches of an optimizer step, given those of the rows: called before every step.

        An objective whose sequences depend on the weights, such as answers of the model, makes them here.
        """
        return batches

    def judge(self, rewards: Sequence[RewardPoint], rollouts: Sequence[RolloutPoint]) -> Finding | None:
        """Return the reason to stop, if there is one, given what was logged so far of preferences, or of answers."""
        return None

    @abstractmethod
    def count_units(self, batch: Batch) -> torch.Tensor:
        """Return the number of units of a batch."""

    @abstractmethod
    def loss(self, network: Any, batch: Batch) -> Loss:
        """Return the loss of a batch."""


class CrossEntropy(Objective[Example]):
    """Supervised fine-tuning: the cross-entropy of the label tokens, which are the units."""

    def build_row(self, sequences: Sequence[Example]) -> Example:
        """Return the one sequence."""
        (row,) = sequences
        return row

    def count_units(self, batch: Batch) -> torch.Tensor:
        """Return the number of label tokens."""
        return (batch["labels"] != IGNORED).sum()

    def loss(self, network: Any, batch: Batch) -> Loss:
        """See :func:`ftdojo.training.sft.loss.label_loss`."""
        return Loss(*label_loss(network, batch))


CROSS_ENTROPY: Objective[Any] = CrossEntropy()
