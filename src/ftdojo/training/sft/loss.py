"""Cross-entropy over label tokens, from logits at those positions only."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import cross_entropy

from ftdojo.models.architectures import runs_batched
from ftdojo.training.sft.batches import Batch, pack
from ftdojo.training.sft.tokens import IGNORED


def label_loss(network: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss of a batch (:func:`ftdojo.training.sft.batches.collate`), summed, and its number of label tokens.

    The output layer runs only where some row's next token is a label (``logits_to_keep`` of transformers). With a
    vocabulary of tens of thousands and short answers, the other positions would be a large part of the computation.
    """
    labels = batch["labels"]
    inner = getattr(network, "module", network)  # in a data-parallel training, the model inside
    if not runs_batched(inner.config):
        return _row_by_row(network, batch)
    # A logit at position p predicts the token at p + 1. Left padding keeps the union of the rows' positions small.
    positions = (labels[:, 1:] != IGNORED).any(dim=0).nonzero().squeeze(1)
    if "prefix" in batch:
        given, (rows, width) = pack(batch, next(network.parameters()).dtype), labels.shape
        begin = batch["prefix"].shape[1] + width * torch.arange(rows, device=labels.device)
        keep = (begin[:, None] + positions).flatten()
    else:
        given, keep = {name: batch[name] for name in ("input_ids", "attention_mask", "position_ids")}, positions
    logits = network(**given, use_cache=False, logits_to_keep=keep).logits
    targets = labels[:, positions + 1].flatten()
    total = cross_entropy(logits.flatten(0, 1).float(), targets, ignore_index=IGNORED, reduction="sum")
    return total, (targets != IGNORED).sum()


def _row_by_row(network: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """The same, with one call a row, without padding and masks, as for a single text."""
    totals, counts = [], []
    first = batch["prefix"][0] if "prefix" in batch else batch["input_ids"].new_empty(0)
    for mask, tokens, row_labels in zip(batch["attention_mask"], batch["input_ids"], batch["labels"], strict=True):
        length = int(mask.sum())
        whole = torch.cat([first, tokens])[None, -length:]
        logits = network(input_ids=whole, use_cache=False).logits[0, :-1]
        targets = torch.cat([torch.full_like(first, IGNORED), row_labels])[-length:][1:]
        totals.append(cross_entropy(logits.float(), targets, ignore_index=IGNORED, reduction="sum"))
        counts.append((targets != IGNORED).sum())
    return torch.stack(totals).sum(), torch.stack(counts).sum()
