"""``ftdojo bench``: run contests between agents, pack a finished one, and score a pack again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from ftdojo.cli.console import Live, err, out, print_json, print_table
from ftdojo.cli.run import Json
from ftdojo.cli.verify import Remake
from ftdojo.plain import plural

if TYPE_CHECKING:
    from ftdojo.bench import Executor, Plan
    from ftdojo.bench.leaderboard import Leaderboard
    from ftdojo.bench.rescore import PackCheck

RUN = "run"
STATUS = {"equal": "green", "different": "bold red", "not checkable": "yellow"}
OF_CHECK = {"ok": "equal", "failed": "different", "unchecked": "not checkable"}


class _RunByDefault(TyperGroup):
    """``ftdojo bench SUITE.toml`` means ``ftdojo bench run SUITE.toml``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the name of the command in front of arguments that begin with none."""
        named = not args or args[0] in self.commands or args[0] in ctx.help_option_names
        return super().parse_args(ctx, args if named else [RUN, *args])


app = typer.Typer(
    cls=_RunByDefault,
    help="Run contests between agents, pack a finished one, and score a pack again.\n\n"
    "`ftdojo bench SUITE.toml` is short for `ftdojo bench run SUITE.toml`.",
    no_args_is_help=True,
)


@app.command(RUN)
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


@app.command()
def pack(
    contest: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a contest.")],
    out_dir: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="A new folder; DIR-pack if not given.")
    ] = None,
    with_private_text: Annotated[
        bool,
        typer.Option("--with-private-text", help="Pack text of your own tasks as well; without it they are refused."),
    ] = False,
    json: Json = False,
) -> None:
    """Write a finished contest into one folder from which anyone can score it again.

    The folder holds adapters (or the weights that a training changed), submissions, records, outputs on test, digests
    of rows and a card, and can be uploaded to a model hub as it is. It holds no base model, no rows, no test question
    and no right answer; no path, address or key of this machine.

    [bold]Examples[/]

      ftdojo bench pack runs/first

      ftdojo bench pack runs/mine --out packs/mine --with-private-text
    """
    from ftdojo.bench.pack import write_pack
    from ftdojo.record import Home
    from ftdojo.report.pack_card import pack_card

    folder = out_dir or contest.with_name(f"{contest.absolute().name}-pack")
    with Live() as live:
        packed = write_pack(
            contest, folder, home=Home.default(), card=pack_card, with_private_text=with_private_text, progress=live
        )
    manifest = packed.manifest
    size = sum(file.size for file in manifest.files.values())
    if json:
        print_json({"folder": str(folder), "bytes": size, "runs": [run.model_dump() for run in manifest.runs]})
        return
    forms = [run.weights for run in manifest.runs]
    weights = f"{forms.count('adapter')} with an adapter, {forms.count('model')} with a model"
    out.print(f"{folder}: {plural(len(manifest.runs), 'run')} ({weights}), {size / 1e6:,.1f} MB", soft_wrap=True)
    for name in (name for run in manifest.runs for name in run.withheld):
        out.print(f"  left out, as it holds a path, an address or a key: {name}", soft_wrap=True)
    err.print(Text.assemble(("done", "bold green"), f": check it with: ftdojo bench verify {folder}"), soft_wrap=True)


@app.command("verify")
def verify_pack(
    folder: Annotated[Path, typer.Argument(metavar="PACK", help="A folder that `ftdojo bench pack` wrote.")],
    items: Annotated[
        int | None, typer.Option(min=1, help="Number of test items of each run, drawn at random; all if not given.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of that draw; another one each time if not given.")
    ] = None,
    remake: Remake = False,
    task: Annotated[
        list[Path] | None, typer.Option(metavar="FOLDER", help="A task of the pack that is not installed; may repeat.")
    ] = None,
    model: Annotated[
        list[Path] | None, typer.Option(metavar="FOLDER", help="A base model of the pack; may repeat.")
    ] = None,
    json: Json = False,
) -> None:
    """Score a pack again: its models answer the test anew, and its records and leaderboard are checked.

    The pack is a stranger's folder: links are refused, only what its manifest lists is read, and nothing in it is run;
    with --remake data programs run in the sandbox. The embedded base model and the generated data of installed tasks
    are prepared here; nothing is downloaded. What is missing makes a run not checkable, with the reason.

    Another processor or version of torch rounds differently, so a few outputs may differ from those in the pack. The
    share of equal outputs is shown, and the difference of the scores with its 95 % interval.

    Exit status: 0 if everything is equal, 1 if anything is different, 2 if there is no pack, 3 if nothing is different
    and something could not be checked.

    [bold]Examples[/]

      ftdojo bench verify packs/first

      ftdojo bench verify packs/mine --items 50 --task my-task --model models/my-base
    """
    from secrets import randbelow

    from ftdojo.bench.rescore import Sample, check_pack
    from ftdojo.errors import UsageError
    from ftdojo.record import Home

    if seed is not None and items is None:
        raise UsageError("--seed draws test items", fix="add --items N")
    sample = Sample(items=items, seed=randbelow(2**32) if seed is None else seed)
    with Live() as live:
        found = check_pack(
            folder,
            home=Home.default(),
            given_tasks=task or [],
            given_models=model or [],
            sample=sample,
            remake=remake,
            progress=live,
        )
    if json:
        print_json(found)
    else:
        _print_check(found)
    if not found.ok:
        raise typer.Exit(1 if found.different else 3)


def _print_check(found: PackCheck) -> None:
    table = Table("run", "model", "equal outputs", "score in the pack", "score now", "difference", box=None)
    for run in found.runs:
        for one in run.models:
            gap = one.difference
            table.add_row(
                run.run,
                one.model,
                f"{one.equal} of {one.answered}",
                str(one.packed),
                str(one.now),
                f"{gap.value:+.1f} [{gap.low:+.1f}, {gap.high:+.1f}]",
            )
    if table.row_count:
        print_table(table)
    for run in found.runs:
        out.print(Text.assemble((f"{run.status:<13}", STATUS[run.status]), f" {run.run}"), soft_wrap=True)
        for reason in run.reasons:
            out.print(f"{'':<14}{reason}", soft_wrap=True)
    for check in (found.ledger, found.leaderboard):
        status = OF_CHECK[check.status]
        words = f" {check.name}: {check.message}"
        out.print(Text.assemble((f"{status:<13}", STATUS[status]), words), soft_wrap=True)
    if found.items is not None:
        out.print(f"{plural(found.items, 'test item')} of each run were drawn with --seed {found.seed}")
    if found.versions:
        err.print(f"other versions here: {', '.join(found.versions)}; they may round differently", soft_wrap=True)
    if found.ok:
        err.print(Text("everything is equal", "bold green"))
    elif found.different:
        err.print(Text("something is different from what the pack says", "bold red"))
    else:
        err.print(Text("nothing is different, and something could not be checked", "yellow"))


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
