"""``ftdojo mcp``: an episode for an agent that lives elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ftdojo.cli.console import Live, err
from ftdojo.cli.run import EngineName, Ladder, Model, TaskName
from ftdojo.errors import PrerequisiteError


def mcp(
    task: TaskName,
    model: Model = "smollm2-135m",
    data: Annotated[str | None, typer.Option(help="Data variant; the task's first one if not given.")] = None,
    name: Annotated[str, typer.Option(help="How results name the agent, e.g. claude-code.")] = "outside",
    budget: Annotated[str, typer.Option(help="Wall clock for everything before the test: 45s, 30m, 12h.")] = "30m",
    max_iterations: Annotated[int | None, typer.Option(min=1, help="Stop after so many submissions.")] = None,
    ladder: Ladder = False,
    engine: EngineName = "transformers",
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random choice of the environment.")] = 0,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Folder of the record; runs/TASK-NAME-seedN if not given.")
    ] = None,
    http: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=0, max=65535, help="Serve over HTTP on loopback; 0 for any free port."),
    ] = None,
    finish_when_left: Annotated[
        bool, typer.Option("--finish-when-left", help="An agent that is gone has finished, so the test is scored.")
    ] = False,
) -> None:
    """Serve an episode to an outside agent over the Model Context Protocol, on standard input and output.

    The agent gets tools for the task, the raw data, validating, submitting, feedback and the budget, and the same
    gates, acceptance and sealed test as every other. If it leaves without having finished, the same command resumes
    the run.

    [bold]Examples[/] (recipes for some agents: docs/outside-agents.md)

      claude mcp add ftdojo -- ftdojo mcp chemistry/mol_und --budget 30m --name claude-code

      ftdojo mcp chemistry/mol_und --budget 30m --http 8765
    """
    from ftdojo.contract.budget import Budget, parse_duration
    from ftdojo.episode import Dojo, run_episode
    from ftdojo.outside import AgentLeft, Seat, Watched
    from ftdojo.record import Home, RunFolder
    from ftdojo.report import write_report

    try:
        from ftdojo.outside.server import Service, build
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "anyio", "uvicorn"):
            raise
        raise PrerequisiteError("the MCP SDK is not installed", fix="pip install 'ftdojo[mcp]'") from None

    short = Path(task).name if Path(task).is_dir() else task.replace("/", "-")
    folder = out_dir or Path("runs") / f"{short}-{name}-seed{seed}"
    limits = Budget(wall_s=parse_duration(budget), submissions=max_iterations)
    with Live() as live:
        watched = Watched(live)
        with Dojo(
            task,
            folder,
            model=model,
            home=Home.default(),
            variant=data,
            agent=name,
            ladder=ladder,
            engine=engine,
            seed=seed,
            budget=limits,
            progress=watched,
        ) as dojo:
            seat = Seat(name, RunFolder(folder).workspace, dojo.precheck, finish_when_left=finish_when_left)
            service = Service(build(seat, watched, dojo.raw), seat, http)
            if service.url:
                live.say(f"serving {service.url}")
            try:
                seat.ended(run_episode(dojo, seat))
            except AgentLeft:
                dojo.pause()
                live.say(f"{name} has left without having finished; the same command resumes {folder}")
                return
            except BaseException:
                seat.broken()
                raise
        report = write_report(folder)
        live.say(f"report {report}; result {RunFolder(folder).result}")
        service.end()
    err.print("[bold green]done[/]")
