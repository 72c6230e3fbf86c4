"""What a task is: a frozen specification, a prompt, a scorer and a way to build its data. Nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from ftdojo.errors import UsageError

Record = Mapping[str, Any]
"""One evaluation item or raw row, as read from its JSON line."""

Message = Mapping[str, str]
"""One chat turn: ``{"role": "system" | "user" | "assistant", "content": text}``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """A documented way to turn one raw row into a training pair: two Jinja templates over the row's fields.

    A row for which either template renders to nothing is skipped, so a template is also a filter.
    """

    name: str
    prompt: str
    completion: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RawSource:
    """One raw file of a task (a path below the raw-data folder) and what is known about its rows."""

    path: str
    subtask: str
    """The sub-task that these rows teach, or ``""`` if they serve all."""
    description: str
    renderings: tuple[Rendering, ...]
    """At least one; the first is the raw row taken as it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut:
    """A known way to score without the skill, and what it scores: told so that it can be checked."""

    name: str
    output: str
    """The constant output that takes the shortcut."""
    at_most: float
    """The highest value of the core metric that it may reach on generated data; published data is as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A published test score on the real data (variant ``hub``), for comparison."""

    metric: str
    base: float
    """Of Qwen2.5-7B-Instruct, untouched."""
    ft_agent: float
    """Of the original FT-Agent on it (arXiv 2603.01712), the mean of three runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The limits of FT-Dojo for one task: values, not code."""

    max_rows: int = 2000
    methods: tuple[str, ...] = ("full", "lora", "qlora")
    wall_s: float = 12 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """The frozen half of a task. Everything here may be shown to agents."""

    id: str
    """``domain/name``."""
    domain: str
    objective: str
    output_format: str
    """What the scorer accepts, in words, exactly."""
    metric: str
    """The core metric, e.g. ``accuracy``; per cent for accuracies."""
    higher_is_better: bool
    best_value: float
    """The value of a perfect prediction file."""
    pooled: bool = False
    """Whether the core metric is a statistic of all items together, such as an F-score. Otherwise it is the mean over
    sub-tasks of the mean item score, times :attr:`best_value`."""
    subtasks: tuple[str, ...]
    max_new_tokens: int
    """Generation is cut after this many tokens, as in the reference harness; a variant may cut earlier."""
    raw_sources: tuple[RawSource, ...]
    evaluation_source: str
    licence: str
    shortcuts: tuple[Shortcut, ...] = ()
    published: tuple[Published, ...] = ()
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemScore:
    """The verdict on one output."""

    id: str
    subtask: str
    score: float
    """In the metric's own unit before aggregation: 1 or 0 for accuracies."""
    parsed: bool
    """Whether an answer of the right form was found. An answer that cannot be parsed is wrong, never dropped."""
    error: str | None = None
    """``None`` if right, else a class: ``format``, ``wrong``, ``invalid``, ``truncated``, ``empty`` …"""
    metrics: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Further per-item values that the scorer aggregates, e.g. an absolute error."""


class Scorer(Protocol):
    """A pure function of items and outputs. A scorer that cannot run raises; it never returns a zero instead."""

    def score(self, items: Sequence[Record], outputs: Sequence[str]) -> list[ItemScore]:
        """One verdict an item, in order; ``items`` and ``outputs`` have the same length."""

    def value(self, scores: Sequence[ItemScore]) -> float:
        """The core metric over ``scores``."""

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """All other metrics of the task, by name."""

    def gold(self, item: Record) -> str:
        """An output that scores best: for self-tests only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSet:
    """A public data set that a variant is built from, pinned."""

    id: str
    """``org/name`` on the Hugging Face hub, and the folder of a mirror."""
    revision: str
    licence: str
    access: str = ""
    """How to be let in, where the set is gated."""


Sources = Mapping[str, Path]
"""``HubSet.id`` -> the folder with its files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One edition of a task's data: ``twin`` is generated offline, ``hub`` is the published data."""

    build: Callable[[Path, Sources], None]
    """Writes ``raw/`` (any files), ``validation.jsonl`` and ``test.jsonl`` into the empty folder it is given: always
    the same, validation and test disjoint from each other and from ``raw/``. Every item has a unique string ``id``
    and, where the task has sub-tasks, a ``subtask``."""
    sets: tuple[HubSet, ...] = ()
    """What has to be fetched first; their folders are handed to ``build``."""
    max_new_tokens: int | None = None
    """Where answers are known to be shorter than the task allows."""
    without: tuple[str, ...] = ()
    """Raw files of the specification that this edition has not, by path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task is its specification, a prompt, a scorer and its data; a benchmark family is one package of them."""

    spec: TaskSpec
    prompt: Callable[[Record], list[Message]]
    """The chat turns that a model is given for an evaluation item."""
    scorer: Scorer
    variants: Mapping[str, Variant]
    """Name -> edition of the data; the first is the default."""
    version: str = "1"
    """Part of every digest: raise it when the prompt, scorer or data of the task change."""

    def question(self, item: Record) -> str:
        """The text of the last user turn: what is particular to an item. Turns before it are worked examples."""
        return next(turn["content"] for turn in reversed(self.prompt(item)) if turn["role"] == "user")

    def variant(self, name: str | None) -> tuple[str, Task]:
        """The name of a variant (for ``None`` the first one) and the task as it is in that variant.

        Raises:
            UsageError: if there is no such variant.
        """
        name = next(iter(self.variants)) if name is None else name
        if name not in self.variants:
            have = ", ".join(sorted(self.variants))
            raise UsageError(f"{self.spec.id} has no data variant '{name}'", fix=f"choose one of: {have}")
        chosen = self.variants[name]
        spec = replace(
            self.spec,
            max_new_tokens=chosen.max_new_tokens or self.spec.max_new_tokens,
            raw_sources=tuple(source for source in self.spec.raw_sources if source.path not in chosen.without),
            shortcuts=() if chosen.sets else self.spec.shortcuts,
        )
        return name, replace(self, spec=spec)
