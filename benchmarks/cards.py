"""Which trainings fit on which card? A forecast for five shapes, from their configurations alone; nothing is run.

    python benchmarks/cards.py

prints the table of docs/models.md, as ``ftdojo model check FOLDER --card SIZE`` would for each. The shapes are those of
published models: Qwen2.5-0.5B, Llama-3.2-1B, Qwen3-4B, Qwen2.5-7B and Qwen3-30B-A3B.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ftdojo.models.suitability import describe_configuration, shapes_of
from ftdojo.plain import plural
from ftdojo.training.fit import CARDS, GIB, Fit, count_adapters, fit


def shapes() -> dict[str, Any]:
    """Name -> configuration."""
    from transformers import LlamaConfig, Qwen2Config, Qwen3Config, Qwen3MoeConfig

    def sizes(hidden: int, inner: int, layers: int, heads: int, pairs: int, vocabulary: int) -> dict[str, int]:
        names = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
        return {**dict(zip(names, (hidden, inner, layers, heads, pairs), strict=True)), "vocab_size": vocabulary}

    return {
        "0.5B (Qwen2.5)": Qwen2Config(**sizes(896, 4864, 24, 14, 2, 151_936), tie_word_embeddings=True),
        "1.2B (Llama 3.2)": LlamaConfig(
            **sizes(2048, 8192, 16, 32, 8, 128_256),
            head_dim=64,
            tie_word_embeddings=True,
            max_position_embeddings=131_072,
        ),
        "4B (Qwen3)": Qwen3Config(**sizes(2560, 9728, 36, 32, 8, 151_936), head_dim=128, tie_word_embeddings=True),
        "7.6B (Qwen2.5)": Qwen2Config(**sizes(3584, 18_944, 28, 28, 4, 152_064)),
        "30B-A3B (Qwen3)": Qwen3MoeConfig(
            **sizes(2048, 6144, 48, 32, 4, 151_936),
            head_dim=128,
            moe_intermediate_size=768,
            num_experts=128,
            num_experts_per_tok=8,
        ),
    }


def main() -> None:
    """Print the table."""
    print("| model | card | QLoRA | LoRA | full | hours for 10,000 rows |\n|---|---|---|---|---|---|")
    for name, config in shapes().items():
        config.architectures = [f"{type(config).__name__.removesuffix('Config')}ForCausalLM"]
        with tempfile.TemporaryDirectory() as folder:
            config.save_pretrained(folder)
            info, adapters = describe_configuration(Path(folder)), count_adapters(shapes_of(Path(folder)))
        for size in CARDS:
            found = fit(info, size * GIB, adapters)
            hours = f"{found[1].hours:.1f}" if any(one.batch_size for one in found) else "–"
            print(f"| {name} | {size} GB | {' | '.join(map(_cell, found))} | {hours} |")


def _cell(one: Fit) -> str:
    return f"{plural(one.batch_size, 'row') if one.batch_size else 'no'}, {one.peak / GIB:.0f} GiB"


if __name__ == "__main__":
    main()
