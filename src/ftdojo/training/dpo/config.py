"""``train.yaml`` of the methods that train on preferences."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

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


class KtoConfig(PreferenceConfig):
    """Kahneman-Tversky optimization (Ethayarajh et al. 2024, arXiv 2402.01306): the loss of an answer that is labelled
    good falls as it gets likelier than in the model that the training starts from, and that of a bad one as it gets
    less likely, each against an estimate of how far the model has moved as a whole."""

    methods: ClassVar = MappingProxyType({"kto": AFTER_SFT})

    sharding: ClassVar[Literal["none"]] = "none"  # type: ignore[misc]  # one device trains
    method: Literal["kto"] = "kto"
    """The method."""
    batch_size: int = Field(8, ge=2, le=4096)
    """Rows per forward pass, each of two sequences: the answer, and that of another row, which together estimate how
    far the model has moved."""
    beta: float = Field(0.1, gt=0, le=10)
    """Factor of an answer's log-ratio to the model at the start: with less, the model may go farther from there."""
    desirable_weight: float = Field(1.0, gt=0, le=100)
    """Weight of the loss of good answers."""
    undesirable_weight: float = Field(1.0, gt=0, le=100)
    """Weight of the loss of bad answers."""

    @model_validator(mode="after")
    def _trains_on_one_device(self) -> Self:
        if self.devices != 1:
            raise ValueError("kto trains on one device: set 'devices' to 1")
        return self
