"""AdamW for parameters that compute in bfloat16 and are updated in float32.

A bfloat16 number has 8 bits of precision: an update below 1/256 of a weight is rounded away, and with usual learning
rates most are. Each trainable parameter therefore has a float32 master here, which the step updates; the parameter is
the rounded copy of it that the model computes with (mixed-precision training, Micikevicius et al. 2018,
arXiv 1710.03740).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

from ftdojo.training.sft.sharding import own_part


class MasterAdamW(torch.optim.AdamW):
    """AdamW over float32 masters of lower-precision parameters; plain AdamW for parameters in float32.

    The parameter groups hold the masters. Gradients are cast to float32 before a step; the result is copied back after.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], **defaults: Any) -> None:
        groups = [{**group, "params": list(group["params"])} for group in groups]
        followers = [p for group in groups for p in group["params"]]
        masters = [{**group, "params": [_master(p) for p in group["params"]]} for group in groups]
        super().__init__(masters, **defaults)
        leaders = [p for group in self.param_groups for p in group["params"]]
        self._pairs = [(f, m) for f, m in zip(followers, leaders, strict=True) if f is not m]

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Update the masters, then copy them to the parameters."""
        for follower, master in self._pairs:
            master.grad = None if follower.grad is None else follower.grad.to(master.dtype)
        loss = super().step(closure)
        for _, master in self._pairs:
            master.grad = None  # else it would take four bytes per parameter during the next forward and backward pass
        self._copy_back()
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of masters and parameters."""
        super().zero_grad(set_to_none)
        for follower, _ in self._pairs:
            follower.grad = None

    def state_dict(self) -> dict[str, Any]:
        """Return AdamW's state and the masters, which cannot be restored from the rounded parameters."""
        return {**super().state_dict(), "masters": [master.detach().clone() for _, master in self._pairs]}

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        super().load_state_dict(state_dict)
        for (_, master), saved in zip(self._pairs, state_dict["masters"], strict=True):
            master.copy_(saved)
        self._copy_back()

    def _copy_back(self) -> None:
        if self._pairs:
            followers, masters = zip(*((own_part(f), own_part(m)) for f, m in self._pairs), strict=True)
            torch._foreach_copy_(followers, masters)


def _master(parameter: torch.nn.Parameter) -> torch.nn.Parameter:
    if parameter.dtype == torch.float32:
        return parameter
    return torch.nn.Parameter(parameter.detach().float())
