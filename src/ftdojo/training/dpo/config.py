"""``train.yaml`` of the methods that train on preferences."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar, Literal

from pydantic import Field

from ftdojo.contract.train_config import AFTER_SFT, AfterSftConfig


class PreferenceConfig(AfterSftConfig):
    """The keys of all methods that train on preferences."""

    learning_rate: float = Field(2e-5, gt=0, le=1)
    """Peak learning rate of the schedule: about a tenth of that of supervised fine-tuning."""
    epochs: float = Field(1.0, gt=0, le=100)
    """Passes over the rows. The schedule spans them, or ``max_steps`` if that is less."""
    batch_size: int = Field(8, ge=1, le=4096)
    """Pairs per device and forward pass, each of two sequences."""
    beta: float = Field(0.1, gt=0, le=10)
    """Of ``dpo``, the factor of an answer's log-ratio to the model at the start: with less, the model may go farther
    from there. Of ``orpo``, the weight of the preference."""

    @property
    def sequences(self) -> int:
        """The chosen and the rejected answer."""
        return 2


class DpoConfig(PreferenceConfig):
    """Direct preference optimization (Rafailov et al. 2023, arXiv 2305.18290): a pair's loss falls as the chosen answer
    gets likelier, and the rejected one less likely, than in the model that the training starts from."""

    methods: ClassVar = MappingProxyType({"dpo": AFTER_SFT})

    method: Literal["dpo"] = "dpo"
    """The method."""
    loss: Literal["sigmoid", "ipo"] = "sigmoid"
    """``sigmoid`` is the original one. ``ipo`` (Azar et al. 2023, arXiv 2310.12036) aims at a margin of
    ``1 / (2 beta)`` nats per token, which keeps it from growing without limit."""
    sft_weight: float = Field(0.0, ge=0, le=100)
    """Weight of the chosen answer's cross-entropy, which keeps it likely (Pang et al. 2024, arXiv 2404.19733)."""


class OrpoConfig(PreferenceConfig):
    """Odds-ratio preference optimization (Hong et al. 2024, arXiv 2403.07691): the cross-entropy of the chosen answer,
    and a penalty if its odds are not above those of the rejected one. It needs no reference."""

    methods: ClassVar = MappingProxyType({"orpo": AFTER_SFT})

    method: Literal["orpo"] = "orpo"
    """The method."""
