"""The immutable half of a task: its objective, its raw data and its rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_CHANGE = 0.5
"""How far a training program may move a tensor, unless the task says otherwise."""
RUBRIC, JUDGED = "rubric.md", "judged.jsonl"
"""The files of a task folder for a language model that judges: what makes an answer right, in words, and outputs that
people have judged."""
Record = Mapping[str, Any]
"""One evaluation item or raw row, as read from its JSON line."""

Message = Mapping[str, Any]
"""One chat turn: ``{"role": "system" | "user" | "assistant" | "tool", "content": text}``. Turns of training rows may
also have ``reasoning_content``, ``tool_calls``, ``tool_call_id``, ``name`` and ``weight``, the first one ``tools``."""


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
    """At least one; the first uses the raw row unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut:
    """A known way to score without the skill, and its score, stated so that it can be checked."""

    name: str
    output: str
    """The constant output that takes the shortcut."""
    at_most: float
    """The highest value of the core metric that it may reach on generated data. Published data has no such limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A published test score on the real data (variant ``hub``), for comparison."""

    metric: str
    base: float
    """Score of Qwen2.5-7B-Instruct without fine-tuning."""
    ft_agent: float
    """Score of the original FT-Agent with that model (arXiv 2603.01712), the mean of three runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The limits of FT-Dojo for one task: values, not code."""

    max_rows: int = 2000
    methods: tuple[str, ...] = ("full", "lora", "qlora")
    wall_s: float = 12 * 3600.0
    max_change: float = MAX_CHANGE
    """How far a training program may move a tensor: the norm of the change, as a share of the tensor's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """The immutable half of a task. Everything here may be shown to agents."""

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
