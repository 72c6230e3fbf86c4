"""``ftdojo runs``, ``finish`` and ``extend``: what runs there are, an early end of one, and more time for one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from ftdojo.cli.console import Live, err, out, print_json, print_table
from ftdojo.cli.run import Json, MovedTask, OfRun
from ftdojo.errors import UsageError

By = Annotated[str, typer.Option("--by", metavar="DURATION", help="How much more time: 45s, 30m, 1.5h or 2d.")]


def list_runs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to look.")] = Path("runs"),
    json: Json = False,
) -> None:
    """List the runs and contests below a folder, with their state.

    A run that is [yellow]interrupted[/] goes on when its command is repeated; `ftdojo finish` ends it as it is.
    """
    if not folder.is_dir():
        fix = "start a run with: ftdojo run TASK; or name the folder of your runs: ftdojo runs DIR"
        raise UsageError(f"there is no folder {folder}", fix=fix)
    from ftdojo.report.listing import FollowedRun, find_runs

    found = [FollowedRun(run).read() for run in sorted(find_runs(folder))]
    if json:
        print_json([asdict(run) for run in found])
        return
    if not found:
        out.print(f"no run below {folder}; start one with: ftdojo run TASK")
        return
    heads = ("state", "task", "agent", "iterations", "best", "validation", "last event, UTC")
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
    from ftdojo.episode.finish import request_finish
    from ftdojo.record import is_running

    request_finish(run_dir, allowed=not is_in_contest(run_dir))
    if is_running(run_dir):
        err.print(f"{run_dir} is going on: it ends after the submission that it works on", soft_wrap=True)
        return
    with Live() as live:
        live.update("setup", 0, 2, "loading the libraries")
        from ftdojo.episode import Dojo
        from ftdojo.record import Home, Ledger
        from ftdojo.record.events import RunBegun
        from ftdojo.record.history import History
        from ftdojo.report import closing_table, next_table, view, write_report

        with Ledger(run_dir, writable=False) as ledger:
            history = History(ledger)
            begun, limits, ended = history.require(RunBegun), history.budget, history.finished is not None
        if ended:
            live.say(f"{run_dir} had ended already; nothing is changed")
        configuration = begun.configuration.model_copy(update={"budget": limits})
        options = configuration.options(task or begun.task, begun.guard.values())
        with Dojo(options, run_dir, home=Home.default(), progress=live) as dojo:
            dojo.reset()
            result = dojo.close()
        report = write_report(run_dir)
    if json:
        print_json(result)
        return
    out.print(closing_table(result))
    out.print(next_table(view.read(run_dir)), soft_wrap=True)
    err.print(f"report {report}", soft_wrap=True)


def extend(run_dir: OfRun, by: By, json: Json = False) -> None:
    """Give a run more time: one that is going on, or one that was interrupted.

    The time is added to the limit that `ftdojo run --budget` has set. A run that is going on has it from its next
    submission on: the training that is under way ends by the limit with which it began. An interrupted run has it when
    its command is repeated as it was. Several requests add up. No limit becomes larger than that of the task.

    A run of a contest and a run that has ended cannot get more time.

    [bold]Example[/]

      ftdojo extend runs/demo --by 10m
    """
    from ftdojo.bench import is_in_contest
    from ftdojo.contract.budget import parse_typed_duration
    from ftdojo.episode.extension import request_time
    from ftdojo.record import is_running
    from ftdojo.report import text

    limit = request_time(run_dir, parse_typed_duration(by), allowed=not is_in_contest(run_dir))
    running = is_running(run_dir)
    if json:
        print_json({"wall_s": limit, "running": running})
        return
    when = "from its next submission on" if running else "when its command is repeated as it was"
    out.print(
        f"the limit of {run_dir} becomes {text.duration(limit)} {when}, but not more than the task allows",
        soft_wrap=True,
    )
