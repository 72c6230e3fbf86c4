"""Weights of models that installed distributions bring along. Programs must not learn from them, so they are hidden."""

from __future__ import annotations

import functools
import re
from importlib.metadata import distributions
from pathlib import Path

_WEIGHTS = re.compile(
    r"^([^,\n]+\.(?:safetensors|gguf|ggml|bin|pt|pth|ckpt|onnx|h5|tflite)),[^,\n]*,(\d{7,})$", re.MULTILINE
)
"""A line of ``RECORD``: the name of a file, its digest, and its size of a million bytes or more."""


@functools.cache
def find_weights() -> tuple[Path, ...]:
    """Find these files, by what distributions say that they have installed."""
    named = ((d, name) for d in distributions() for name, _ in _WEIGHTS.findall(d.read_text("RECORD") or ""))
    paths = (Path(str(distribution.locate_file(name))).resolve() for distribution, name in named)
    return tuple(sorted({path for path in paths if path.is_file()}))
