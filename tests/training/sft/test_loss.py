"""The loss at label positions is the loss of the whole rows."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy

from ftdojo.models import network
from ftdojo.training.sft.batches import collate
from ftdojo.training.sft.loss import label_loss
from ftdojo.training.sft.tokens import IGNORED, Example


def rows(shared: int) -> list[Example]:
    generator = torch.Generator().manual_seed(shared)
    head = list(range(200, 200 + shared))
    made = []
    for given, said in [(3, 2), (9, 5), (6, 1)]:
        tokens = head + torch.randint(0, 1000, (given + said,), generator=generator).tolist()
        made.append(Example(tokens, [IGNORED] * (shared + given) + tokens[shared + given :]))
    return made


@pytest.mark.parametrize("shared", [0, 20])
@pytest.mark.parametrize("function", ["sdpa", "eager"])
def test_equal_to_the_loss_from_all_logits(tiny_model: Path, shared: int, function: str) -> None:
    model = network.load(tiny_model, torch.float32, function)
    parameters = [p for p in model.parameters() if p.requires_grad]
    total, count = label_loss(model, collate(rows(shared), pad=0, share=True))

    reference = torch.zeros(())
    for row in rows(shared):  # one at a time: no padding, no prefix
        logits = model(input_ids=torch.tensor([row.input_ids])).logits[0, :-1]
        targets = torch.tensor(row.labels[1:])
        reference = reference + cross_entropy(logits, targets, ignore_index=IGNORED, reduction="sum")

    assert int(count) == 8
    torch.testing.assert_close(total, reference, atol=1e-4, rtol=1e-5)
    ours, theirs = torch.autograd.grad(total, parameters), torch.autograd.grad(reference, parameters)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)
