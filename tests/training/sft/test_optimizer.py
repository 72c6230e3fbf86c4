"""Float32 masters keep what bfloat16 would round away."""

from __future__ import annotations

import torch

from ftdojo.training.sft.optimizer import MasterAdamW


def descend(optimizer: torch.optim.Optimizer, parameter: torch.nn.Parameter, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        parameter.grad = torch.ones_like(parameter)
        optimizer.step()


def test_small_steps_add_up_where_plain_adamw_stands_still() -> None:
    ours, plain = (torch.nn.Parameter(torch.ones(4, dtype=torch.bfloat16)) for _ in range(2))
    descend(MasterAdamW([{"params": [ours]}], lr=1e-4, weight_decay=0.0), ours, 200)
    descend(torch.optim.AdamW([plain], lr=1e-4, weight_decay=0.0), plain, 200)
    assert plain.eq(1).all(), "a step of 1e-4 is below half of bfloat16's spacing at 1"
    torch.testing.assert_close(ours.detach().float(), torch.full((4,), 0.98), atol=4e-3, rtol=0)


def test_float32_parameters_take_plain_steps() -> None:
    ours, plain = (torch.nn.Parameter(torch.linspace(-1, 1, 5)) for _ in range(2))
    descend(MasterAdamW([{"params": [ours]}], lr=1e-2, weight_decay=0.1), ours, 5)
    descend(torch.optim.AdamW([plain], lr=1e-2, weight_decay=0.1), plain, 5)
    assert ours.equal(plain)


def test_a_saved_state_goes_on_as_if_never_interrupted() -> None:
    whole, resumed = (torch.nn.Parameter(torch.ones(3, dtype=torch.bfloat16)) for _ in range(2))
    straight = MasterAdamW([{"params": [whole]}], lr=1e-3)
    descend(straight, whole, 20)
    before = MasterAdamW([{"params": [resumed]}], lr=1e-3)
    descend(before, resumed, 10)
    after = MasterAdamW([{"params": [resumed]}], lr=1e-3)
    after.load_state_dict(before.state_dict())
    descend(after, resumed, 10)
    assert whole.equal(resumed)
    assert all(a.equal(b) for a, b in zip(straight.state_dict()["masters"], after.state_dict()["masters"], strict=True))
