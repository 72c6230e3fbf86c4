"""LoRA on linear modules, without the passes over memory that ``peft``'s own layer makes.

``peft`` computes ``base(x) + B(A(x)) * scaling``: two intermediate tensors of the output's size for each of some two
hundred modules, which a processor spends more time on than on the adapter's products. Here the scaling is applied to
the narrow tensor between A and B, and the second product is accumulated into the output of the base module.
"""

from __future__ import annotations

from typing import Any

import torch
from peft import LoraConfig
from peft.tuners.lora import Linear


class LoraLinear(Linear):  # type: ignore[misc]
    """``peft``'s layer for one adapter, with the same parameters, names and results up to rounding."""

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """The output of the base module and the adapter, of shape ``(..., out_features)``."""
        if self.disable_adapters or self.merged:
            return super().forward(x, *args, **kwargs)  # type: ignore[no-any-return]
        (name,) = self.active_adapters
        rows = x.reshape(
            -1, x.shape[-1]
        )  # so that what is accumulated into is no view, whose gradient autograd would copy
        narrow = self.lora_A[name](self.lora_dropout[name](rows)) * self.scaling[name]
        output = self.base_layer(rows).addmm_(narrow, self.lora_B[name].weight.T)
        return output.reshape(*x.shape[:-1], -1)  # type: ignore[no-any-return]


def use_for(settings: LoraConfig) -> None:
    """Let ``peft`` make its adapters of linear modules with :class:`LoraLinear`."""
    settings._register_custom_module({torch.nn.Linear: LoraLinear})
