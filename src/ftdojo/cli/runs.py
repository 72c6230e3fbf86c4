"""``ftdojo runs`` and ``ftdojo finish``: what runs there are, and the end of one before its budget is used up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from ftdojo.cli.console import Live, err, out, print_json, print_table
from ftdojo.cli.run import Json, MovedTask, OfRun
from ftdojo.errors import FtdojoError, UsageError

LEVELS = 6
"""How deep runs are looked for: the runs of a contest lie five levels below its folder."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A run as the list shows it."""

    folder: str
    state: str
    """running, interrupted, contest, unreadable, or the outcome of a finished run."""
    task: str = ""
    agent: str = ""
    iterations: int = 0
    best: int = 0
    validation: str = ""
    """The score of the best iteration."""
    last: str = ""
    """When the last event was recorded: UTC, ISO 8601."""


def list_runs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to look.")] = Path("runs"),
    json: Json = False,
) -> None:
    """List the runs and contests below a folder, with their state.

    A run that is [yellow]interrupted[/] goes on when its command is repeated; `ftdojo finish` ends it as it is.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", fix="name the folder of your runs, e.g. ftdojo runs runs")
    found = [_read(run) for run in sorted(_find(folder))]
    if json:
        print_json([asdict(run) for run in found])
        return
    if not found:
        out.print(f"no run below {folder}; start one with: ftdojo run TASK")
        return
    heads = ("state", "task", "agent", "iterations", "best", "validation", "last event")
    table = Table(Column("folder", no_wrap=True), *heads, box=None)
    for run in found:
        last = run.last[:16].replace("T", " ")
        best = str(run.best) if run.best else "base"
        table.add_row(run.folder, run.state, run.task, run.agent, str(run.iterations), best, run.validation, last)
    print_table(table)


def finish(
    run_dir: OfRun,
    task: MovedTask = None,
    json: Json = False,
) -> None:
    """Finish a run with what it has: no further submission, then the best model is scored on test.

    A run that is going on ends after the submission that it works on. For an end at once, interrupt it (Ctrl-C) and
    repeat this command. A run of a contest cannot be finished early.

    [bold]Example[/]

      ftdojo finish runs/demo
    """
    from ftdojo.bench import is_in_contest
    from ftdojo.record import Ledger, RunFolder, is_running
    from ftdojo.record.events import AgentStopped, RunBegun
    from ftdojo.record.history import History

    with Ledger(run_dir, writable=False) as ledger:
        history = History(ledger)
        begun, stopped, limits = history.first(RunBegun), history.first(AgentStopped), history.budget
    if begun is None:
        raise UsageError(f"nothing is recorded in {run_dir}", fix="repeat the command of the run: it has not begun")
    if is_in_contest(run_dir):
        raise UsageError(
            f"{run_dir} is a run of a contest, in which every contestant has the same budget",
            fix="repeat `ftdojo bench` to finish it",
        )
    if stopped is None:
        RunFolder(run_dir).finish_request.touch()
    if is_running(run_dir):
        err.print(f"{run_dir} is going on: it ends after the submission that it works on", soft_wrap=True)
        return
    with Live() as live:
        live.update("setup", 0, 2, "loading the libraries")
        from ftdojo.episode import Dojo
        from ftdojo.record import Home
        from ftdojo.report import closing_table, next_table, write_report

        options = begun.configuration.model_copy(update={"budget": limits}).options(task or begun.task)
        with Dojo(options, run_dir, home=Home.default(), progress=live) as dojo:
            dojo.reset()
            result = dojo.close()
        report = write_report(run_dir)
    if json:
        print_json(result)
        return
    out.print(closing_table(result))
    out.print(next_table(run_dir), soft_wrap=True)
    err.print(f"report {report}", soft_wrap=True)


def _find(folder: Path) -> Iterator[Path]:
    """Yield the folders with a ledger at most :data:`LEVELS` below a folder, itself included; no link is followed."""
    from ftdojo.record import RunFolder

    waiting = [(folder, 0)]
    while waiting:
        here, level = waiting.pop()
        if RunFolder(here).ledger.is_file():
            yield here
        if level < LEVELS:
            waiting += [
                (p, level + 1) for p in here.iterdir() if p.is_dir() and not p.is_symlink() and p.name != "model"
            ]


def _read(run: Path) -> Listed:
    from ftdojo.bench import is_suite
    from ftdojo.record import Ledger, is_running
    from ftdojo.record.events import RunBegun
    from ftdojo.record.history import History

    try:
        if is_suite(run):
            return Listed(str(run), "contest")
        with Ledger(run, writable=False) as ledger:
            history = History(ledger)
            begun, finished, iterations, best = (
                history.first(RunBegun), history.finished, history.iterations, history.best,
            )  # fmt: skip
            baseline, last = history.baseline, history.events[-1].time if history.events else ""
    except FtdojoError as error:
        return Listed(str(run), f"unreadable: {error.message}")
    score = iterations[best - 1].score if best else baseline.score if baseline else None
    outcome = finished.outcome.replace("_", " ") if finished else None
    identity = begun.configuration if begun else None
    return Listed(
        folder=str(run),
        state=outcome or ("running" if is_running(run) else "interrupted"),
        task=identity.task if identity else "",
        agent=identity.agent if identity else "",
        iterations=len(iterations),
        best=best,
        validation=str(score) if score else "",
        last=last,
    )
