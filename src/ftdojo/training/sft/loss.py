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
    if not _runs_batched(network, batch):
        losses, counts = _row_by_row(network, batch)
        return losses.sum(), counts.sum()
    logits, targets = _label_logits(network, batch)
    total = cross_entropy(logits, targets, ignore_index=IGNORED, reduction="sum")
    return total, (targets != IGNORED).sum()


def sequence_losses(network: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss of every sequence of a batch, summed over its label tokens, and its number of them.

    Two tensors of shape (sequences,). The loss is the negative log-probability of all label tokens of the sequence.
    """
    if not _runs_batched(network, batch):
        return _row_by_row(network, batch)
    losses, learned = token_losses(network, batch)
    return losses.sum(1), learned.sum(1)


def token_losses(network: Any, batch: Batch, temperature: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss of every label token of a batch, and which tokens are labels.

    Two tensors of shape (sequences, positions): those at which some sequence has a label; the loss is 0 where another
    one has none. It is the negative log-probability, of logits that are divided by the ``temperature``. The network
    must run in batches, also at this length.
    """
    logits, targets = _label_logits(network, batch)
    rows = len(batch["labels"])
    scaled = logits if temperature == 1.0 else logits / temperature
    losses = cross_entropy(scaled, targets, ignore_index=IGNORED, reduction="none")
    return losses.view(rows, -1), (targets != IGNORED).view(rows, -1)


def _runs_batched(network: Any, batch: Batch) -> bool:
    inner = getattr(network, "module", network)  # in a data-parallel training, the model inside
    return runs_batched(inner.config, batch["attention_mask"].shape[1])


def _label_logits(network: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the float32 logits at the positions before some row's label, row after row, and the labels there."""
    labels = batch["labels"]
    # A logit at position p predicts the token at p + 1. Left padding keeps the union of the rows' positions small.
    positions = (labels[:, 1:] != IGNORED).any(dim=0).nonzero().squeeze(1)
    if "prefix" in batch:
        given, (rows, width) = pack(batch, next(network.parameters()).dtype), labels.shape
        begin = batch["prefix"].shape[1] + width * torch.arange(rows, device=labels.device)
        keep = (begin[:, None] + positions).flatten()
    else:
        given, keep = {name: batch[name] for name in ("input_ids", "attention_mask", "position_ids")}, positions
    logits = network(**given, use_cache=False, logits_to_keep=keep).logits
    return logits.flatten(0, 1).float(), labels[:, positions + 1].flatten()


def _row_by_row(network: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the losses and the counts of all rows, with one call a row, without padding and masks, as for a single
    text."""
    totals, counts = [], []
    first = batch["prefix"][0] if "prefix" in batch else batch["input_ids"].new_empty(0)
    for mask, tokens, row_labels in zip(batch["attention_mask"], batch["input_ids"], batch["labels"], strict=True):
        kept = mask.bool()  # padding stands between the prefix and the rest
        whole = torch.cat([first, tokens])[kept][None]
        logits = network(input_ids=whole, use_cache=False).logits[0, :-1]
        targets = torch.cat([torch.full_like(first, IGNORED), row_labels])[kept][1:]
        totals.append(cross_entropy(logits.float(), targets, ignore_index=IGNORED, reduction="sum"))
        counts.append((targets != IGNORED).sum())
    return torch.stack(totals), torch.stack(counts)
