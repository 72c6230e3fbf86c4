"""The engines that a run can evaluate with, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ftdojo.contract.task_spec import Message
from ftdojo.errors import UsageError
from ftdojo.inference import engine, vllm
from ftdojo.inference.engine import Generation, TransformersEngine

ENGINES = {"transformers": engine.ENGINE, "vllm": vllm.ENGINE}
"""Name -> the identity that stored outputs have it under."""


class Engine(Protocol):
    """A model that answers."""

    def generate(
        self,
        prompts: Sequence[Sequence[Message]],
        *,
        max_new_tokens: int,
        done: Mapping[int, Generation] | None = None,
        on_answers: Callable[[dict[int, Generation]], None] | None = None,
    ) -> list[Generation]:
        """One answer a prompt, in the order of the prompts; see :meth:`TransformersEngine.generate`."""


def identity(name: str) -> str:
    """What stored outputs are known under.

    Raises:
        UsageError: for an unknown engine.
    """
    if name not in ENGINES:
        raise UsageError(f"there is no engine '{name}'", fix=f"choose one of: {', '.join(ENGINES)}")
    return ENGINES[name]


@contextmanager
def opened(name: str, model: Path) -> Iterator[Engine]:
    """The engine of that name with the model in a folder."""
    if name == "vllm":
        with vllm.serving(model) as served:
            yield served
    else:
        yield TransformersEngine(model)
