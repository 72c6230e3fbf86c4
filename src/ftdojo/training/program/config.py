"""``train.yaml`` of ``method: program``: only what the environment has to know about a training program."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, FiniteFloat, model_validator
from pydantic.json_schema import SkipJsonSchema

from ftdojo.contract.method_config import BASE, MethodConfig, MethodFacts
from ftdojo.contract.task_spec import MAX_CHANGE
from ftdojo.contract.train_config import Lora

Value = bool | int | FiniteFloat | str
"""One value of ``settings``."""


class LimitedConfig(MethodConfig):
    """The limits of a training program."""

    max_steps: int | None = Field(None, ge=1)
    """Most optimizer steps. The program gets the number in its job, and is stopped if it takes more. The trial of
    gate 4 sets it to 8 or fewer."""
    max_change: float = Field(MAX_CHANGE, gt=0, le=100)
    """How far the program may move a tensor: the norm of the change, as a share of the tensor's own norm. At most what
    the task allows."""
    wall_s: float = Field(3600.0, ge=1, le=7 * 24 * 3600.0)
    """Most seconds that the program may run; it is stopped after them, and what it left is not used."""
    memory_gib: float = Field(8.0, gt=0, le=4096)
    """Most memory that the program may use, in GiB; it is stopped beyond it."""


class ProgramConfig(LimitedConfig):
    """A training program ``train.py``. Its own settings, such as a learning rate, are in ``settings``."""

    methods: ClassVar = MappingProxyType(
        {"program": MethodFacts(adapters=True, usual_rates="what train.py says")}  # whatever `weights` is
    )
    has_script: ClassVar[bool] = True

    # The program decides these, so they are no keys of its train.yaml. The environment reads the constants.
    start: ClassVar[Literal["base"]] = BASE  # type: ignore[misc]
    learning_rate: ClassVar[float] = 1.0  # type: ignore[misc]
    schedule: ClassVar[Literal["constant"]] = "constant"  # type: ignore[misc]
    warmup_ratio: ClassVar[float] = 0.0  # type: ignore[misc]
    epochs: ClassVar[float] = 1.0  # type: ignore[misc]
    batch_size: ClassVar[int] = 1  # type: ignore[misc]
    gradient_accumulation: ClassVar[int] = 1  # type: ignore[misc]
    devices: ClassVar[int] = 1  # type: ignore[misc]
    weight_decay: ClassVar[float] = 0.0  # type: ignore[misc]
    max_grad_norm: ClassVar[float] = 1.0  # type: ignore[misc]
    eval_fraction: ClassVar[float] = 0.0  # type: ignore[misc]
    patience: ClassVar[int | None] = None  # type: ignore[misc]

    method: Literal["program"] = "program"
    """The method."""
    weights: Literal["lora", "full"] = "lora"
    """What the program leaves: ``lora`` an adapter, ``full`` all weights of the model."""
    lora: Lora | None = None
    """The adapter that it leaves; if left out, the defaults. ``dropout`` is only handed to the program."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of everything that the program draws at random. Only the program can keep this."""
    settings: dict[str, Value | list[Value]] = Field(default_factory=dict, max_length=100)
    """Settings of the program itself: handed to it as they are."""
    code: SkipJsonSchema[str] = Field(repr=False)
    """The text of ``train.py``."""

    @model_validator(mode="after")
    def _adapters_have_effect(self) -> Self:
        if self.lora is not None and self.weights != "lora":
            raise ValueError("'lora' settings have no effect with weights full: remove them, or choose weights lora")
        return self

    @property
    def script(self) -> str:
        """The text of ``train.py``."""
        return self.code

    @property
    def stated_change(self) -> float:
        """See :attr:`max_change`."""
        return self.max_change

    @property
    def adapter(self) -> Lora | None:
        """The settings of the adapter that it leaves; ``None`` if it leaves all weights."""
        return (self.lora or Lora()) if self.weights == "lora" else None

    @property
    def job(self) -> dict[str, Any]:
        """What the program gets in addition to its rows, as JSON values."""
        given = self.model_dump(mode="json", include={"seed", "max_length", "max_steps", "weights", "settings"})
        return {**given, "lora": self.adapter.model_dump(mode="json") if self.adapter else None, "device": "cpu"}
