"""The definition of a task: a frozen specification, a prompt, a scorer, and functions that build its data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from ftdojo.contract.task_spec import Message, Record, TaskSpec
from ftdojo.errors import InputError, UsageError
from ftdojo.findings import Finding

BAD_GOLD = "bad_gold"
"""The error of an item whose gold answer the scorer cannot read: no output is right."""
FLAW = "flaw"
"""The field of an item that its publisher got wrong. It holds the reason, and the item is scored like any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemScore:
    """The verdict on one output."""

    id: str
    subtask: str
    score: float
    """In the metric's own unit before aggregation; 1 or 0 for accuracies."""
    parsed: bool
    """Whether an answer of the right form was found. An answer that cannot be parsed is wrong, never dropped."""
    error: str | None = None
    """``None`` if right, else a class: ``format``, ``wrong``, ``invalid``, ``truncated``, ``empty``, :data:`BAD_GOLD`
    …"""
    metrics: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Further per-item values that the scorer aggregates, e.g. an absolute error."""


class Scorer(Protocol):
    """A pure function of items and outputs. A scorer that cannot run raises; it never returns a zero instead."""

    def score(self, items: Sequence[Record], outputs: Sequence[str]) -> list[ItemScore]:
        """Return one verdict per item, in order; ``items`` and ``outputs`` have the same length."""

    def value(self, scores: Sequence[ItemScore]) -> float:
        """Return the core metric over ``scores``."""

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """Return all other metrics of the task, by name."""

    def gold(self, item: Record) -> str:
        """Return an output with the best score, for self-tests only.

        Raises:
            InputError: if the gold answer of the item cannot be read.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSet:
    """A public data set that a variant is built from, pinned."""

    id: str
    """``org/name`` on the Hugging Face hub, and the folder of a mirror."""
    revision: str
    licence: str
    access: str = ""
    """How to get access, if the set is gated."""


Sources = Mapping[str, Path]
"""``HubSet.id`` -> the folder with its files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One edition of a task's data: ``twin`` is generated offline, ``hub`` is the published data."""

    build: Callable[[Path, Sources], None]
    """Writes ``raw/`` (any files), ``validation.jsonl`` and ``test.jsonl`` into the given empty folder: always
    the same, validation and test disjoint from each other and from ``raw/``. Every item has a unique string ``id``
    and, where the task has sub-tasks, a ``subtask``; one that its publisher got wrong has the reason in
    :data:`FLAW`."""
    sets: tuple[HubSet, ...] = ()
    """Data sets that must be downloaded first; ``build`` gets their folders."""
    max_new_tokens: int | None = None
    """Token limit of answers, if they are known to be shorter here than the task allows."""
    without: tuple[str, ...] = ()
    """Paths of raw files of the specification that this edition does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task is its specification, a prompt, a scorer and its data; a benchmark family is one package of them."""

    spec: TaskSpec
    prompt: Callable[[Record], list[Message]]
    """Returns the chat turns that a model gets for an evaluation item."""
    scorer: Scorer
    variants: Mapping[str, Variant]
    """Name -> edition of the data; the first is the default."""
    own_prompt: bool = False
    """Whether the prompt of a benchmark task is ours, and not that of the reference harness: published figures were
    measured with another one then."""
    version: str = "1"
    """The identity of specification, prompt, scorer and data; part of every digest that depends on them."""
    notes: tuple[Finding, ...] = ()
    """What its owner should know about its files: rows that are left out, text of another encoding."""
    formerly: tuple[str, ...] = ()
    """Earlier versions of the same content."""

    def question(self, item: Record) -> str:
        """Return the text of the last user turn, which is specific to the item. Turns before it are worked examples."""
        return next(str(turn["content"]) for turn in reversed(self.prompt(item)) if turn["role"] == "user")

    def gold(self, item: Record) -> str:
        """Return an output with the best score; a blank one if the gold answer of the item cannot be read."""
        try:
            return self.scorer.gold(item)
        except InputError:
            return ""

    def as_recorded(self, version: str) -> Task:
        """Return the task with the version that a run recorded, if that version had the same content; else unchanged.

        Results that were stored under the recorded version are then found again.
        """
        return replace(self, version=version) if version in self.formerly else self

    @property
    def for_data(self) -> Task:
        """The task with its own prompts: its data is the same with whatever prompts it is asked."""
        return self

    def with_thinking(self, tokens: int) -> Task:
        """Return the task with as many more tokens for an answer, for the reasoning before it."""
        return replace(self, spec=replace(self.spec, max_new_tokens=self.spec.max_new_tokens + tokens))

    def with_methods(self, methods: Sequence[str]) -> Task:
        """Return the task with these training methods allowed; if there are none, with its own."""
        if not methods:
            return self
        return replace(self, spec=replace(self.spec, rules=replace(self.spec.rules, methods=tuple(methods))))

    def variant(self, name: str | None) -> tuple[str, Task]:
        """Return the name of a variant (for ``None`` the first one) and the task in that variant.

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
