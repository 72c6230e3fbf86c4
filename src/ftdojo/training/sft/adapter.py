"""LoRA on linear modules, without the extra passes over memory of ``peft``'s own layer.

``peft`` computes ``base(x) + B(A(x)) * scaling``: two intermediate tensors of the output's size for each of about two
hundred modules. They cost a CPU more time than the adapter's products. Here the scaling is applied to
the narrow tensor between A and B, and the second product is accumulated into the output of the base module.
"""

from __future__ import annotations

from typing import Any

import torch
from peft import LoraConfig
from peft.tuners.lora import Linear


class LoraLinear(Linear):  # type: ignore[misc]
    """``peft``'s layer for one adapter, with the same parameters, names and, up to rounding, results."""

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """The output of the base module and the adapter, of shape ``(..., out_features)``."""
        if self.disable_adapters or self.merged:
            return super().forward(x, *args, **kwargs)  # type: ignore[no-any-return]
        (name,) = self.active_adapters
        rows = x.reshape(
            -1, x.shape[-1]
        )  # so that the accumulated tensor is no view, whose gradient autograd would copy
        narrow = self.lora_A[name](self.lora_dropout[name](rows)) * self.scaling[name]
        output = self.base_layer(rows).addmm_(narrow, self.lora_B[name].weight.T)
        return output.reshape(*x.shape[:-1], -1)  # type: ignore[no-any-return]


def register_layer(settings: LoraConfig) -> None:
    """Make ``peft`` use :class:`LoraLinear` for adapters of linear modules."""
    settings._register_custom_module({torch.nn.Linear: LoraLinear})
