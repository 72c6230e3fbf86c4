"""``ftdojo run``, ``validate`` and ``report``: the commands about runs and submissions."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from ftdojo.cli import llms
from ftdojo.cli.console import Live, err, out, print_json
from ftdojo.cli.options import with_options
from ftdojo.cli.prerequisites import require_for_run
from ftdojo.contract.options import RunOptions
from ftdojo.errors import UsageError

if TYPE_CHECKING:
    from ftdojo.contract.result import RunResult

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
TaskName = Annotated[str, typer.Argument(metavar="TASK", help="A task id (see `ftdojo tasks`) or a task folder.")]
OfRun = Annotated[Path, typer.Argument(metavar="RUN", help="A folder that `ftdojo run --out` wrote.")]
MovedTask = Annotated[str | None, typer.Option("--task", help="The task's folder, if it was moved after the run.")]
Format = Literal["csv", "md", "latex", "parquet", "svg", "pdf"]
NO_AGENT = dict.fromkeys(
    (
        *("agent", "planner", "probes", "prechecks", "replay", "ladder", "sequential", "warm_start"),
        *("guard", "guard_margin", "judge"),
        *("submissions", "wall_s", "device_s", "seed"),
    ),
    "no agent runs",
)


@with_options()
def run(
    options: RunOptions,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Folder of the record; runs/TASK-seedN if not given.")
    ] = None,
    track: Annotated[
        list[str] | None,
        typer.Option(metavar="TRACKER", help="Send the numbers to tensorboard, trackio, wandb or mlflow; repeat it."),
    ] = None,
    json: Json = False,
) -> None:
    """Fine-tune a model on a task with an agent. Repeat the command to resume an interrupted run.

    [bold]Examples[/]

      ftdojo run chemistry/mol_und --budget 10m --max-iterations 4

      ftdojo run examples/support_tickets --budget 20m --agent random-search

      ftdojo run finance/financeiq --planner openai:qwen3 --base-url http://127.0.0.1:8000/v1

      ftdojo run math/aime25 --planner openai:gpt-5.2 --data-llm strong=openai:gpt-5.2 --data-llm weak=openai:gpt-5-mini
    """
    with Live() as live:
        live.update("setup", 0, 2, "loading the libraries")
        result, folder = _run(options, out_dir, live, track or [])
        from ftdojo.record import RunFolder
        from ftdojo.report import closing_table, more_table, next_table, text, view, write_report

        path = write_report(folder)
    if json:
        print_json(result)
    else:
        out.print(closing_table(result))
        found = view.read(folder)
        out.print(more_table(found))
        out.print(next_table(found), soft_wrap=True)
    err.print(
        f"peak memory {_peak_memory_gib():.1f} GiB; report {path}; result {RunFolder(folder).result}", soft_wrap=True
    )
    if result.outcome in ("invalid", "out_of_budget"):
        ending = f": no submission was scored (outcome {result.outcome}); the lines above say what to change"
        err.print(Text.assemble(("nothing gained", "bold yellow"), ending), soft_wrap=True)
        raise typer.Exit(1)
    forgotten = any(i.forgotten for i in result.iterations)
    learned = text.learned(result.best.iteration, result.trivial, result.to_trivial, forgotten=forgotten)
    ending = f": outcome {result.outcome}, best iteration {result.best.iteration} ({learned})"
    err.print(Text.assemble(("done", "bold green"), ending), soft_wrap=True)


def _run(options: RunOptions, out_dir: Path | None, live: Live, track: list[str]) -> tuple[RunResult, Path]:
    """Run an agent in the environment; return the result and the folder of the record."""
    from contextlib import ExitStack

    from ftdojo import agents
    from ftdojo.bench import is_in_contest
    from ftdojo.episode import Dojo, run_episode
    from ftdojo.record import Home, RunFolder
    from ftdojo.report.tracking import open_tracking

    folder = out_dir or Path("runs") / f"{short_name(options.task)}-seed{options.seed}"
    named = agents.check(options.agent, options.planner, probes=options.probes, ladder=options.ladder)
    if (options.data_llm or options.teachers == "self") and named.startswith(agents.PLAYBOOK):
        flag = "--data-llm" if options.data_llm else "--teachers self"
        live.say(f"{flag} has no effect without a --planner: the playbook writes recipes, which call no models")
    transport, data_llm = llms.connect_models(options)
    if transport:
        named = agents.check(options.agent, transport.model, probes=options.probes)
    options = options.model_copy(update={"planner": named})
    require_for_run(options.model)
    extend = not is_in_contest(folder)
    with (
        Dojo(options, folder, home=Home.default(), data_llm=data_llm, progress=live, may_extend=extend) as dojo,
        ExitStack() as trackers,
    ):
        for name in track:
            tracking = open_tracking(name, folder, dojo.identity)
            trackers.callback(tracking.close)
            dojo.metrics.followers.append(tracking.send)
        workspace = RunFolder(folder).workspace
        contestant = agents.make(options.agent, workspace, door=dojo, transport=transport, probes=options.probes)
        return run_episode(dojo, contestant), folder


@with_options(NO_AGENT, task_as_option=True)
def validate(
    options: RunOptions,
    submission: Annotated[Path, typer.Argument(help="The submission folder.")],
    json: Json = False,
) -> None:
    """Check a submission with the gates only: schema, static, data trial, tokens, micro-training, micro-evaluation.

    Errors reject the submission and say where the fault is and how to repair it; warnings do not reject it. No full
    training is run. Replies of language models to its data program are kept: a run with the same models does not pay
    for them again.
    """
    from ftdojo.episode import validate as check
    from ftdojo.record import Home

    if not submission.is_dir():
        raise UsageError(f"{submission} is not a folder", fix="name the folder that holds plan.yaml and train.yaml")
    with Live() as live:
        verdict = check(submission, options, home=Home.default(), progress=live)
    if json:
        print_json(verdict)
    else:
        for finding in verdict.findings:
            out.print(f"{finding.severity} at gate {finding.gate}, {finding.code}: {finding.where}")
            out.print(f"  {finding.message}\n  fix: {finding.fix}")
        out.print("ok: all gates passed" if verdict.ok else f"rejected at gate {verdict.gate}")
    if not verdict.ok:
        raise typer.Exit(1)


def report(
    run_dir: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `ftdojo run` or `ftdojo bench` wrote.")],
    form: Annotated[
        Format | None,
        typer.Option("--format", help="Write results instead: tables (csv, md, latex, parquet) or plots (svg, pdf)."),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="With --format: where; DIR/tables or DIR/plots if not given.")
    ] = None,
    json: Json = False,
) -> None:
    """Write a run's report.html or a contest's leaderboard again, also if it is unfinished.

    With --format, write what was measured, one file each. Tables of a run: its scores, iterations and test items; of a
    contest: its standings, scores, scores by seed and pairs. `ftdojo.load_run(DIR)` and `ftdojo.load_contest(DIR)` give
    the same as pandas frames. Plots of a run: its scores by iteration and over the budget, its differences and losses;
    of a contest: its scores over the budget, the differences on each task and the wins.
    """
    from ftdojo.bench import is_suite, leaderboard
    from ftdojo.report import write_report
    from ftdojo.report.leaderboard import write_leaderboard

    if form:
        kind, written = _write_results(run_dir, form, to)
        if json:
            print_json({kind: [str(path) for path in written]})
        else:
            out.print("\n".join(map(str, written)), soft_wrap=True)
        return
    if is_suite(run_dir):
        with Live() as live:
            path = write_leaderboard(run_dir, leaderboard(run_dir, live))
    else:
        path = write_report(run_dir)
    if json:
        print_json({"report": str(path)})
    else:
        out.print(str(path), soft_wrap=True)


def _write_results(run_dir: Path, form: Format, to: Path | None) -> tuple[str, list[Path]]:
    """Write tables or plots of a run or a contest; return which of them, and their paths."""
    from ftdojo.bench import is_suite, leaderboard

    with Live() as live:
        board = leaderboard(run_dir, live) if is_suite(run_dir) else None
    match form:
        case "svg" | "pdf":
            from ftdojo.report.plot_files import draw_contest, draw_run, write_plots

            drawings = draw_contest(board) if board else draw_run(run_dir)
            return "plots", write_plots(drawings, to or run_dir / "plots", form)
        case _:
            from ftdojo.report.frames import load_run, of_leaderboard, write_tables

            frames = of_leaderboard(board) if board else load_run(run_dir)
            return "tables", write_tables(frames, to or run_dir / "tables", form)


def short_name(task: str) -> str:
    """Return the task's name as part of a folder name."""
    return Path(task).name if Path(task).is_dir() else task.replace("/", "-")


def _peak_memory_gib() -> float:
    """Peak resident memory of this process and of its largest child, whichever is greater."""
    peaks = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(peaks) / 2**20
