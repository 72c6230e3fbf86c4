"""``ftdojo bench``: run contests between agents."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from ftdojo.cli.console import Live, err, out, print_json, print_table
from ftdojo.cli.run import Json
from ftdojo.plain import plural

if TYPE_CHECKING:
    from ftdojo.bench import Executor, Plan
    from ftdojo.bench.leaderboard import Leaderboard


def bench(
    suite: Annotated[Path, typer.Argument(metavar="SUITE.toml", help="Agents, tasks, models, seeds and budgets.")],
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Folder of the records; runs/NAME if not given.")
    ] = None,
    slots: Annotated[
        int | None, typer.Option(min=1, help="Jobs to run at once; by default one per GPU, or one without a GPU.")
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Run the jobs on a Ray cluster: HOST:PORT, auto for the one on this machine, local to start one.",
        ),
    ] = None,
    cpus: Annotated[int | None, typer.Option(min=1, help="CPU cores per job, with --ray.", show_default="1")] = None,
    gpus: Annotated[
        float | None,
        typer.Option(min=0, help="GPUs per job, with --ray.", show_default="1 if the cluster has any, else 0"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan with its time and cost; run nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Compare agents: run every agent on every task with every seed under the same budget, and write a leaderboard.

    Repeat the command to run the missing jobs: after Ctrl-C or a crash, or after agents, tasks or seeds were added.

    [bold]Example of a suite[/] (see docs/contest.md)

      name = "first"
      tasks = \\["chemistry/mol_und", "table/fact_checking"]
      models = \\["smollm2-135m"]
      agents = \\["base", "single-shot", "random-search", "ft-agent"]
      seeds = \\[0, 1]
      \\[budgets.short]
      wall = "5m"
    """
    from ftdojo.bench import Suite, SuiteRecord, execute, leaderboard, plan
    from ftdojo.record import RunFolder
    from ftdojo.report.leaderboard import write_leaderboard

    wanted = Suite.load(suite)
    folder = out_dir or Path("runs") / wanted.name
    RunFolder(folder).require_place()
    executor = _executor(slots, ray, cpus, gpus)
    planned = plan(wanted, folder, executor.capacity)
    if dry_run:
        _print_plan(planned, executor.capacity, json=json)
        return
    with SuiteRecord(folder, wanted) as record, Live() as live:
        live.say(_summary(planned, executor.capacity))
        with executor:
            execute(record, executor, live)
        board = leaderboard(folder, live)
    page = write_leaderboard(folder, board)
    if json:
        print_json(board)
    else:
        print_standings(board)
    err.print(f"leaderboard {page}", soft_wrap=True)
    failed = [job for job in board.missing if job.failure]
    if failed:
        for job in failed[:10]:
            err.print(f"  {job.job}: {job.failure}; see {folder / job.folder}", soft_wrap=True)
        ending = f": {plural(len(failed), 'job')} without a result; run the same command to try them again"
        err.print(Text.assemble(("failed", "bold red"), ending))
        raise typer.Exit(3)
    err.print(Text.assemble(("done", "bold green"), f": all {plural(len(wanted.jobs()), 'job')} finished"))


def _executor(slots: int | None, ray: str | None, cpus: int | None, gpus: float | None) -> Executor:
    """Return the executor of the jobs: this machine, or a cluster."""
    from ftdojo.bench.local import LocalExecutor
    from ftdojo.bench.slots import slots as find_slots
    from ftdojo.errors import UsageError

    if ray is None:
        if cpus is not None or gpus is not None:
            raise UsageError(
                "--cpus and --gpus apply only to jobs on a cluster", fix="give --ray ADDRESS, or use --slots"
            )
        return LocalExecutor(find_slots(slots))
    if slots is not None:
        raise UsageError(
            "--slots applies only to jobs on this machine",
            fix="leave --slots out: a cluster runs as many jobs as it has room for",
        )
    from ftdojo.bench.cluster import RayExecutor

    return RayExecutor(ray, cpus or 1, gpus)


def print_standings(board: Leaderboard) -> None:
    """Print the standings of every board."""
    for part in board.boards:
        out.print(f"{part.model}, {part.variant} data, budget {part.budget}", style="bold")
        heads = ("contestant", "mean normalized score", "mean rank", "best or tied", "runs", "iterations")
        table = Table(*heads, box=None)
        for s in part.standings:
            mean = "–" if s.gain is None else f"{100 * s.gain:.1f} %"
            if s.gain_interval is not None:
                mean += f" [{100 * s.gain_interval[0]:.1f}, {100 * s.gain_interval[1]:.1f}]"
            rank = "–" if s.rank is None else f"{s.rank:.2f}"
            first = f"{s.first} of {len(part.tasks)}"
            name = s.contestant if s.trained else f"{s.contestant} (needs no training)"
            table.add_row(name, mean, rank, first, str(s.runs), str(s.iterations))
        print_table(table)


def _summary(planned: Plan, slots: int) -> str:
    from ftdojo.report import text

    if not planned.missing:
        return f"all {plural(len(planned.jobs), 'job')} finished"
    basis = "estimated from jobs that ran here" if planned.measured else "at most, from their budgets"
    cost = "LLM cost has no limit" if planned.cost_usd is None else f"LLM cost at most ${planned.cost_usd:,.2f}"
    return (
        f"{len(planned.missing)} of {plural(len(planned.jobs), 'job')} to run, {slots} at once: "
        f"about {text.duration(planned.seconds)} ({basis}); {cost}"
    )


def _print_plan(planned: Plan, slots: int, *, json: bool) -> None:
    if json:
        document = {
            "jobs": len(planned.jobs),
            "missing": [job.folder for job in planned.missing],
            "slots": slots,
            "seconds": planned.seconds,
            "measured": planned.measured,
            "cost_usd": planned.cost_usd,
        }
        print_json(document)
        return
    table = Table("contestant", "setting", "jobs", "missing", box=None)
    names = [(job.contestant.name, str(job.setting)) for job in planned.jobs]
    missing = Counter((job.contestant.name, str(job.setting)) for job in planned.missing)
    for key, count in Counter(names).items():
        table.add_row(*key, str(count), str(missing[key]))
    print_table(table)
    out.print(_summary(planned, slots), soft_wrap=True)
