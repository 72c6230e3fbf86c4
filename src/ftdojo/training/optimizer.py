"""AdamW whose parameters compute in bfloat16 and are updated in float32.

A bfloat16 number has 8 bits of precision: an update below 1/256 of a weight is rounded away, and with usual learning
rates most are. Each trainable parameter therefore has a float32 master here, which takes the step; the parameter is
the rounded copy of it that the model computes with (mixed-precision training, Micikevicius et al. 2018,
arXiv 1710.03740).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


class MasterAdamW(torch.optim.AdamW):
    """AdamW over float32 masters of lower-precision parameters.

    The parameter groups hold the masters; gradients are cast up before a step and the result is copied back after it.
    """

    def __init__(self, params: Any, **defaults: Any) -> None:
        groups = list(params)
        groups = groups if isinstance(groups[0], dict) else [{"params": groups}]
        self._models = [list(group["params"]) for group in groups]
        masters = [{**group, "params": [_master(p) for p in group["params"]]} for group in groups]
        super().__init__(masters, **defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """One step of the masters, then of the parameters that follow them."""
        pairs = [
            (parameter, master)
            for parameters, group in zip(self._models, self.param_groups, strict=True)
            for parameter, master in zip(parameters, group["params"], strict=True)
        ]
        for parameter, master in pairs:
            if parameter.grad is not None and parameter is not master:
                master.grad = parameter.grad.to(master.dtype)
        loss = super().step(closure)
        rounded = [(parameter, master) for parameter, master in pairs if parameter is not master]
        if rounded:
            torch._foreach_copy_([p for p, _ in rounded], [m for _, m in rounded])
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of masters and parameters."""
        super().zero_grad(set_to_none)
        for parameters in self._models:
            for parameter in parameters:
                parameter.grad = None


def _master(parameter: torch.nn.Parameter) -> torch.nn.Parameter:
    if parameter.dtype == torch.float32:
        return parameter
    return torch.nn.Parameter(parameter.detach().float(), requires_grad=True)
