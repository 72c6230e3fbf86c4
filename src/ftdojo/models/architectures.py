"""What is known of single architectures of transformers, by ``model_type``."""

from __future__ import annotations

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


def runs_batched(config: Any) -> bool:
    """Whether the model of a transformers configuration may be run on padded batches of rows."""
    return config.model_type in BATCHED


def version_hint() -> str:
    """Return, for messages, which version of transformers is installed and which ones are tested."""
    import transformers

    installed = transformers.__version__
    known = installed.rpartition(".")[0] in TESTED
    return f"transformers {installed} is installed" + ("" if known else f", tested are {' and '.join(TESTED)}")
