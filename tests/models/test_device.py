"""The precision follows the processor."""

from __future__ import annotations

import pytest

from ftdojo.models import device


@pytest.mark.parametrize(
    ("vendor", "flags", "precision", "attention"),
    [
        ("GenuineIntel", "avx2 avx512f amx_bf16 amx_tile", "bfloat16", "eager"),
        ("GenuineIntel", "avx2 avx512f avx512_bf16", "float32", "sdpa"),
        ("AuthenticAMD", "avx2 avx512f avx512_bf16", "bfloat16", "eager"),
        ("AuthenticAMD", "avx2", "float32", "sdpa"),
    ],
)
def test_bfloat16_only_where_it_is_faster(vendor: str, flags: str, precision: str, attention: str) -> None:
    chosen = device.select_for_cpu(f"processor\t: 0\nvendor_id\t: {vendor}\nflags\t\t: fpu {flags}\n\n")
    assert (chosen.device, chosen.precision, chosen.attention) == ("cpu", precision, attention)
    assert chosen.reason


def test_an_unknown_processor_computes_in_float32() -> None:
    assert str(device.select_for_cpu("")) == "cpu/float32/sdpa"
