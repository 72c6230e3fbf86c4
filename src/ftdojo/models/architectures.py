"""What is known of single architectures of transformers, by ``model_type``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

TESTED = ("5.23", "5.24")
"""Minor versions of transformers that the tests of this package pass with."""

BATCHED = frozenset(
    (
        "apertus arcee cohere cohere2 ernie4_5 exaone4 gemma gemma2 gemma3_text glm glm4 gpt2 gpt_bigcode "
        "gpt_neox granite granitemoe helium hunyuan_v1_dense internlm3 llama ministral ministral3 mistral mixtral "
        "nemotron olmo olmo2 olmo3 olmoe opt persimmon phi phi3 qwen2 qwen2_moe qwen3 qwen3_moe seed_oss smollm3 "
        "stablelm starcoder2"
    ).split()
)
"""Architectures that give padded rows, in batches, the same results as single rows, with our attention function.

``tests/models`` shows it for each one. Every other architecture gets one row at a time, by the library's own functions:
states of recurrent layers, sparse attention and relative positions are not the same in every form of a batch.
"""

TABLES = frozenset("biogpt codegen ctrl gpt2 gpt_bigcode gpt_neo gptj openai-gpt opt".split())
"""Architectures with a table of positions, which ends."""


def runs_batched(config: Any, tokens: int = 0) -> bool:
    """Whether the model of a transformers configuration may be run on padded batches of rows, of which the longest has
    so many ``tokens``, those that are still to be generated included."""
    return config.model_type in BATCHED and tokens <= min(_same_rotation(config), most_tokens(config))


def most_tokens(config: Any) -> float:
    """Return the most tokens of a text that a model can read: infinite where positions are computed."""
    return config.max_position_embeddings if config.model_type in TABLES else math.inf


def _same_rotation(config: Any) -> float:
    """Return up to which length all rows get the same rotary embeddings.

    Of the types ``longrope`` and ``dynamic``, the library chooses the frequencies by the longest row of a batch, so a
    short row would get those of a long one.
    """
    lengths = [math.inf]
    for settings in _rotations(getattr(config.get_text_config(), "rope_parameters", None) or {}):
        if settings.get("rope_type") == "longrope":
            lengths.append(settings.get("original_max_position_embeddings") or 0)
        elif settings.get("rope_type") == "dynamic":
            lengths.append(config.get_text_config().max_position_embeddings)
    return min(lengths)


def _rotations(settings: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the settings of rotary embeddings: some architectures have several, by the kind of layer."""
    yield settings
    yield from (value for value in settings.values() if isinstance(value, Mapping))


def version_hint() -> str:
    """Return, for messages, which version of transformers is installed and which ones are tested."""
    import transformers

    installed = transformers.__version__
    known = installed.rpartition(".")[0] in TESTED
    return f"transformers {installed} is installed" + ("" if known else f", tested are {' and '.join(TESTED)}")
