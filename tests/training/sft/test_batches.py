"""Batches: every row once per epoch, similar rows together, answers at the end."""

from __future__ import annotations

import itertools

import torch
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.models import prefix
from ftdojo.training.sft.batches import GroupedSampler, collate
from ftdojo.training.sft.tokens import IGNORED, Example

lengths = st.lists(st.integers(1, 30), min_size=1, max_size=50)


@given(lengths, st.integers(1, 8), st.integers(0, 5))
def test_an_epoch_has_every_row_once_and_batches_of_neighbours(found: list[int], size: int, seed: int) -> None:
    sampler = GroupedSampler([([], length) for length in found], size, seed)
    order = list(sampler)
    assert sorted(order) == list(range(len(found)))
    batches = [[found[i] for i in order[k : k + size]] for k in range(0, len(order), size)]
    spans = sorted((min(batch), max(batch)) for batch in batches)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans)), "no overlap"


def test_epochs_differ_and_a_seed_repeats_them() -> None:
    keys: list[prefix.Key] = [([], 5)] * 40
    sampler, again = GroupedSampler(keys, 4, 0), GroupedSampler(keys, 4, 0)
    first, second = list(sampler), list(sampler)
    assert first != second
    assert [first, second] == [list(again), list(again)]


def test_every_stretch_of_an_epoch_has_the_mix_of_the_whole() -> None:
    keys = [([kind], 5) for kind in range(4) for _ in range(64)]
    order = list(GroupedSampler(keys, 4, 0))
    quarters = [order[i : i + 64] for i in range(0, 256, 64)]
    for quarter in quarters:
        assert all(12 <= sum(keys[i][0] == [kind] for i in quarter) <= 20 for kind in range(4))


def test_collation_shares_the_prefix_and_pads_on_the_left() -> None:
    head = list(range(100, 110))
    rows = [
        Example([*head, 1, 2, 3], [IGNORED] * 12 + [3]),
        Example([*head, 4, 5, 6, 7], [IGNORED] * 12 + [6, 7]),
    ]
    batch = collate(rows, pad=0, share=True)
    assert batch["prefix"].tolist() == [head]
    assert batch["input_ids"].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert batch["labels"].tolist() == [[IGNORED, IGNORED, IGNORED, 3], [IGNORED, IGNORED, 6, 7]]
    assert batch["attention_mask"].sum(1).tolist() == [13, 14]
    assert batch["position_ids"].tolist() == [[9, 10, 11, 12], [10, 11, 12, 13]]
    plain = collate(rows, pad=0, share=False)
    assert "prefix" not in plain
    assert plain["input_ids"].shape == torch.Size([2, 14])


def test_a_label_is_never_the_first_of_the_rest() -> None:
    head = list(range(100, 120))
    rows = [Example(head, [IGNORED] * 12 + head[12:])] * 2
    batch = collate(rows, pad=0, share=True)
    assert batch["prefix"].shape[1] == 11
    assert (batch["labels"][:, 0] == IGNORED).all()
