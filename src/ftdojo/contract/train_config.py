"""``train.yaml`` of supervised fine-tuning. Nothing in it is dropped or altered on the way to the trainer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from ftdojo.contract.method_config import MethodConfig, MethodFacts
from ftdojo.schema import StrictModel

OUT_OF_TIME = "out_of_time"
"""Code of the finding that a training ran out of time. Unlike all others, it does not depend on the inputs alone."""


class Lora(StrictModel):
    """Low-rank adapters (Hu et al. 2021, arXiv 2106.09685)."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    rank: int = Field(16, ge=1, le=512)
    """Inner dimension of each adapter."""
    alpha: float = Field(32, gt=0)
    """An adapter's output is scaled by ``alpha / rank``."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout before each adapter."""
    targets: Literal["all-linear"] | list[str] = "all-linear"
    """Modules that get an adapter: all linear ones but the output layer, or some by name, e.g. ``[q_proj, v_proj]``."""


class WeightsConfig(MethodConfig):
    """The keys of methods that train all weights of a model, or adapters. The kinds of weights have the names of the
    methods of supervised fine-tuning; a method with another loss has the kind in a key of its own."""

    kind_key: ClassVar[str] = "method"
    """The key that says which weights are trained."""

    lora: Lora | None = None
    """Adapter settings of ``lora`` and ``qlora``; if left out, the defaults."""
    sharding: Literal["none", "full"] = Field("none", exclude_if=lambda value: value == "none")
    """``full`` splits weights, gradients and optimizer state over the ``devices`` (FSDP); else each holds all."""
    # The default is left out of what is written, so that identities of trainings from before this key stay as they are.

    @model_validator(mode="after")
    def _sharding_is_possible(self) -> Self:
        if self.sharding == "full" and self.devices == 1:
            raise ValueError("'sharding' has no effect on one device: remove it, or set 'devices' to 2 or more")
        if self.sharding == "full" and self.facts.four_bit:
            raise ValueError(f"weights in 4 bits cannot be split: remove 'sharding', or choose {self.kind_key} lora")
        return self

    @model_validator(mode="after")
    def _adapters_have_effect(self) -> Self:
        if self.lora is not None and not self.facts.adapters:
            raise ValueError(
                f"'lora' settings have no effect with {self.kind_key} {self.kind}: remove them, or choose "
                f"{self.kind_key} lora"
            )
        return self

    @property
    def kind(self) -> str:
        """Which weights are trained: ``full``, ``lora`` or ``qlora``."""
        return str(getattr(self, self.kind_key))

    @property
    def is_sharded(self) -> bool:
        """Whether the network is split over several devices."""
        return self.sharding == "full" and self.devices > 1

    @property
    def can_be_sharded(self) -> bool:
        """Whether ``sharding: full`` is a valid change."""
        return self.sharding == "none" and self.devices > 1 and not self.facts.four_bit

    @property
    def adapter(self) -> Lora | None:
        """The adapter settings in force; ``None`` for full weights."""
        return self.lora or Lora() if self.facts.adapters else None

    @property
    def smaller(self) -> Self | None:
        """The same training of weights that need less memory, if there are such."""
        kind = self.facts.smaller
        if kind is None or (self.is_sharded and TrainConfig.methods[kind].four_bit):
            return None
        return self.model_copy(update={self.kind_key: kind})


class TrainConfig(WeightsConfig):
    """Supervised fine-tuning: the loss is the cross-entropy of the assistant's tokens."""

    methods: ClassVar = MappingProxyType(
        {
            "full": MethodFacts(adapters=False, usual_rates="1e-5 to 1e-4", smaller="lora", continues=True),
            "lora": MethodFacts(adapters=True, usual_rates="1e-4 to 1e-3", smaller="qlora", continues=True),
            "qlora": MethodFacts(adapters=True, four_bit=True, usual_rates="1e-4 to 1e-3", continues=True),
        }
    )

    method: Literal["full", "lora", "qlora"] = "lora"
    """``full`` trains all weights, ``lora`` trains adapters, ``qlora`` trains adapters while the base model is stored
    in 4 bits (Dettmers et al. 2023, arXiv 2305.14314), which needs less memory and more time."""


RATES: Mapping[bool, str] = MappingProxyType({True: "5e-6 to 5e-5", False: "5e-7 to 5e-6"})
"""Usual learning rates after supervised fine-tuning: about a tenth of its own, for adapters and for full weights."""
AFTER_SFT = MethodFacts(adapters=True, usual_rates=RATES[True], continues=True)
"""The facts of a method that follows supervised fine-tuning, with its default ``weights``."""


class AfterSftConfig(WeightsConfig):
    """The keys of methods with another loss, which follow supervised fine-tuning."""

    kind_key: ClassVar[str] = "weights"

    weights: Literal["full", "lora", "qlora"] = "lora"
    """What is trained, as by the methods of these names: all weights, or adapters, or those of a 4-bit base model."""

    @property
    def facts(self) -> MethodFacts:
        """The facts of the kind of weights, with the usual rates after supervised fine-tuning."""
        kind = TrainConfig.methods[self.weights]
        return replace(kind, usual_rates=RATES[kind.adapters])
