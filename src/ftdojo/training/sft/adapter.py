"""LoRA on linear modules, without the extra passes over memory of ``peft``'s own layer.

``peft`` computes ``base(x) + B(A(x)) * scaling``: two intermediate tensors of the output's size for each of about two
hundred modules. They cost a CPU more time than the adapter's products. Here the scaling is applied to the narrow tensor
between A and B, and the second product is accumulated into the output of the base module.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model_state_dict, set_peft_model_state_dict
from peft.tuners.lora import Linear
from safetensors.torch import load_file

from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.training.sft.export import ADAPTER_WEIGHTS


class LoraLinear(Linear):  # type: ignore[misc]
    """``peft``'s layer for one adapter, with the same parameters, names and, up to rounding, results."""

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """The output of the base module and the adapter, of shape ``(..., out_features)``."""
        if self.disable_adapters or self.merged:
            return super().forward(x, *args, **kwargs)  # type: ignore[no-any-return]
        (name,) = self.active_adapters
        # Reshaped, so that the accumulated tensor is no view, whose gradient autograd would copy.
        rows = x.reshape(-1, x.shape[-1])
        narrow = self.lora_A[name](self.lora_dropout[name](rows)) * self.scaling[name]
        output = self.base_layer(rows).addmm_(narrow, self.lora_B[name].weight.T)
        return output.reshape(*x.shape[:-1], -1)  # type: ignore[no-any-return]


def register_layer(settings: LoraConfig) -> None:
    """Make ``peft`` use :class:`LoraLinear` for adapters of linear modules."""
    settings._register_custom_module({torch.nn.Linear: LoraLinear})


def load_weights(adapted: Any, folder: Path) -> None:
    """Replace the weights of a model's adapter by those that an earlier training has written to ``folder``.

    Raises:
        InputError: if they are of another adapter (``start_mismatch``).
    """
    saved = load_file(folder / ADAPTER_WEIGHTS)
    own = {name: tensor.shape for name, tensor in get_peft_model_state_dict(adapted).items()}
    if own != {name: tensor.shape for name, tensor in saved.items()}:
        message = f"the adapter has {len(own)} matrices that are not the {len(saved)} of the iteration it starts from"
        fix = "use the lora settings of that iteration, or set start to base"
        raise InputError([Finding(code="start_mismatch", message=message, where="train.yaml: lora", fix=fix)])
    set_peft_model_state_dict(adapted, saved)
