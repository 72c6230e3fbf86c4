"""The common prefix of rows is found, and rows are sorted by it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoConfig, LlamaConfig, MistralConfig

from ftdojo.models import prefix

rows = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=40), min_size=1, max_size=12)


@given(rows, st.integers(0, 40))
def test_what_is_shared_is_common_to_all_rows_and_no_longer_than_allowed(found: list[list[int]], longest: int) -> None:
    length = prefix.shared_length(found, longest)
    assert length == 0 or prefix.SHORTEST <= length <= longest
    assert len({tuple(row[:length]) for row in found}) == 1
    grows = length and length < longest and all(len(row) > length for row in found)
    assert not (grows and len({row[length] for row in found}) == 1), "one more token would be common too"


@given(rows, st.integers(1, 4))
def test_keys_order_by_length_among_rows_that_begin_alike(found: list[list[int]], size: int) -> None:
    keys = prefix.sort_keys(found, size)
    assert [length for _, length in keys] == [len(row) for row in found]
    assert all(row[: len(head)] == head for row, (head, _) in zip(found, keys, strict=True))


def test_rows_of_one_instruction_are_put_together_when_it_saves_work() -> None:
    one, other = [1] * 40, [2] * 40
    mixed = [(one if i % 2 else other) + [3] * (i % 5) for i in range(32)]
    assert len({tuple(head) for head, _ in prefix.sort_keys(mixed, 8)}) == 2
    unlike = [[i] * 40 for i in range(32)]
    assert {tuple(head) for head, _ in prefix.sort_keys(unlike, 8)} == {()}


def test_only_plain_caches_can_be_repeated(tiny_model: Path) -> None:
    assert prefix.can_share(AutoConfig.from_pretrained(tiny_model))
    assert prefix.can_share(LlamaConfig(num_hidden_layers=2))
    assert not prefix.can_share(MistralConfig(num_hidden_layers=2, sliding_window=16))
