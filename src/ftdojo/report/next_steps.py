"""What the owner of a finished run does next: where the model is, and the commands that ask, export and serve it."""

from __future__ import annotations

import shlex
from pathlib import Path

from ftdojo.record import RunFolder


def next_steps(run: Path) -> list[tuple[str, str]]:
    """Return pairs of a purpose and a shell command, or a folder, in the order in which they are useful.

    Without a model that is better than the base model there is nothing to hand over: the list then says how to see why.
    """
    folder = RunFolder(run)
    if not folder.model.is_dir():
        return [("see why no model was better than the base model", f"ftdojo report {_word(run)}")]
    name = _word(run.name)
    return [
        ("the model", str(folder.model)),
        ("ask the base model and the best model, side by side", f"ftdojo chat {_word(run)}"),
        ("export it with a model card", f"ftdojo export {_word(run)} models/{name}"),
        (
            "export it for llama.cpp and Ollama, and measure what is lost",
            f"ftdojo export {_word(run)} models/{name}-gguf --form gguf --quant q8_0,q4_k_m --ollama --check",
        ),
        ("serve it", f"vllm serve {_word(folder.model)} --served-model-name {name}"),
    ]


def _word(text: object) -> str:
    return shlex.quote(str(text))
