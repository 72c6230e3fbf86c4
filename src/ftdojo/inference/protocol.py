"""The protocol of inference engines, for the plug-in kind ``engine``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ftdojo.contract.task_spec import Message


@dataclass(frozen=True, slots=True)
class Generation:
    """One answer. ``truncated`` means that it was cut at the token limit before the model had ended it."""

    text: str
    n_tokens: int
    """Number of generated tokens, without the one that ends the answer."""
    truncated: bool


class Engine(Protocol):
    """A model that was loaded for generation.

    Decoding is greedy: the same model and the same prompts give the same answers, in the order of the prompts. Known
    answers are not generated again and do not change the others, so a resumed evaluation gives the same result as an
    uninterrupted one.
    """

    def generate(
        self,
        prompts: Sequence[Sequence[Message]],
        *,
        max_new_tokens: int,
        done: Mapping[int, Generation] | None = None,
        on_answers: Callable[[dict[int, Generation]], None] | None = None,
    ) -> list[Generation]:
        """Generate one answer per prompt, in the order of the prompts.

        Args:
            prompts: conversations that the model continues, each a list of turns with ``role`` and ``content``.
            max_new_tokens: most tokens of an answer; a longer one is cut and marked as truncated.
            done: answers that are already known, by the position of their prompt.
            on_answers: called with the new answers of every batch, by position, as soon as the batch is finished.
        """


@dataclass(frozen=True, slots=True)
class EnginePlugin:
    """An engine plug-in: an object with the first two attributes, of this or any other class."""

    identity: str
    """Part of the identity of stored outputs, e.g. ``mine-1``. Change it when the same model and prompts may get other
    answers: outputs that were stored under another identity are not reused."""
    open: Callable[[Path], AbstractContextManager[Engine]]
    """Loads the model in a folder (safetensors, tokenizer and chat template, as transformers writes them), and frees it
    when the context ends."""
    open_network: Callable[[Any, Path], AbstractContextManager[Engine]] | None = None
    """Optional. Answers with a network of transformers that is in memory already, on its device and in its precision;
    tokenizer and chat template are in the folder. So a trained model answers without being written to a folder. The
    answers must be those of the same model in a folder. The network belongs to the engine until the context ends."""
