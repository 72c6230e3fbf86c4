"""Which training methods of a model fit on a card, and how long they would take: a forecast from the architecture.

Nothing is run. Memory is the estimate that gate 1 uses; time is the number of floating-point operations over what a
card of this memory is known to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ftdojo.contract.model_info import ModelInfo
from ftdojo.contract.train_config import Lora, TrainConfig
from ftdojo.models import Compute, network
from ftdojo.training.sft.dry_run import Adapted, adapt_shapes
from ftdojo.training.sft.estimate import memory, operations
from ftdojo.training.sft.shapes import Shape

GIB = 2**30
ROWS, LENGTH, LABELS = 16, 1024, 256
"""The training that is forecast: rows of an optimizer step, tokens of a row, and how many of them are learned."""
CARDS = {16: 77e12, 24: 165e12, 48: 155e12, 80: 312e12}
"""GB of memory -> dense bfloat16 operations per second that NVIDIA's data sheets state: RTX A4000, RTX 4090, RTX A6000,
A100. A card between two is taken for the smaller one."""
SHARE = 0.35
"""Share of these operations that a training reaches. Large trainings report 0.2 to 0.5 (Chowdhery et al. 2022, arXiv
2204.02311, table 3); here it is an assumption, not a measurement."""
USABLE = 0.92
"""Share of a card's memory that tensors can fill: the rest is for the driver, kernels and gaps between tensors."""
METHODS = ("qlora", "lora", "full")


@dataclass(frozen=True, slots=True)
class Fit:
    """One method on one card."""

    method: str
    batch_size: int | None
    """The most rows per forward pass that fit, at most :data:`ROWS`; ``None`` if not even one does."""
    peak: float
    """Bytes that this needs; with one row, if that does not fit."""
    hours: float
    """Forecast of one epoch over 10,000 rows."""


def parse_card(text: str) -> float:
    """Return the bytes of a card's memory, from a text such as ``24GB`` or ``24``.

    Raises:
        ValueError: if it is no size.
    """
    number = float(text.strip().upper().removesuffix("GB").removesuffix("GIB").strip())
    if not 0 < number < 10_000:
        raise ValueError(f"{text} is not the memory of a card")
    return number * GIB


def count_adapters(shapes: Any) -> Adapted:
    """Return what adapters of the default rank on all linear modules change in a model on the device ``meta``, which
    has them from then on. The formulas for dense decoders do not know of experts."""
    with network.quiet():
        return adapt_shapes(shapes, Lora().rank, "all-linear")


def fit(model: ModelInfo, card: float, adapters: Adapted | None = None) -> list[Fit]:
    """Return what each method needs on a card with this many bytes, and whether it fits.

    Rows have :data:`LENGTH` tokens, or as many as the model's context; a step has :data:`ROWS` of them.

    Args:
        model: the architecture.
        card: bytes of its memory.
        adapters: what adapters change, by :func:`count_adapters`; if not given, as in a dense decoder.
    """
    on = Compute("cuda", "bfloat16", "sdpa", "a card")
    length = min(LENGTH, model.context_length)
    speed = CARDS[max((size for size in CARDS if size * GIB <= card), default=min(CARDS))] * SHARE

    def shape(rows: int) -> Shape:
        return Shape(rows=rows, prefix=0, width=length, labels=min(LABELS, length))

    found = []
    for method in METHODS:
        config = TrainConfig(method=method, batch_size=ROWS, max_length=max(8, length))
        adapted = adapters if config.adapter else None
        needed = {rows: memory(model, config, on, shape(rows), adapted=adapted) for rows in (16, 8, 4, 2, 1)}
        sizes = [rows for rows, size in needed.items() if size <= USABLE * card]
        peak = needed[sizes[0] if sizes else 1]
        seconds = 10_000 * 3 * operations(model, shape(1)) / speed
        found.append(Fit(method, sizes[0] if sizes else None, peak, seconds / 3600))
    return found
