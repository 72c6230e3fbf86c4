"""The architecture of a model, as agents see it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """The architecture of a model, from its configuration and the headers of its weights."""

    architecture: str
    parameters: int
    """As stored: a matrix that is both embedding and output counts once."""
    precision: str
    """Type of most stored parameters, as safetensors names it, e.g. ``BF16``."""
    layers: int
    hidden_size: int
    intermediate_size: int
    heads: int
    key_value_heads: int
    """Fewer than ``heads`` where several of them share keys and values."""
    head_size: int
    vocabulary: int
    context_length: int
