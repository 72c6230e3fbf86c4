"""``ftdojo mcp``: serve an episode to an agent that is another program."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Annotated

import typer

from ftdojo.cli.console import Live, err
from ftdojo.cli.options import with_options
from ftdojo.cli.prerequisites import require_for_run
from ftdojo.cli.run import short_name
from ftdojo.contract.options import RunOptions
from ftdojo.errors import FtdojoError, PrerequisiteError, UsageError
from ftdojo.extras import install_command
from ftdojo.handshake import wire


@with_options(
    {
        "agent": "the agent is another program; --name sets its name in results",
        "planner": "the agent plans by itself",
        "probes": "no tool of the server makes probes",
        "replay": "the calls of the agent's own model are not in the record",
    }
)
def mcp(
    options: RunOptions,
    name: Annotated[str, typer.Option(help="Name of the agent in results, e.g. claude-code.")] = "outside",
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Folder of the record; runs/TASK-NAME-seedN if not given.")
    ] = None,
    http: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=0, max=65535, help="Serve over HTTP on loopback; 0 for any free port."),
    ] = None,
    finish_when_left: Annotated[
        bool,
        typer.Option("--finish-when-left", help="If the agent leaves, count it as finished, so that test is scored."),
    ] = False,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            help="Start this agent and serve the episode to it over HTTP, at the address in $FTDOJO_MCP_URL. When the "
            "agent exits, the episode is finished; when the episode ends, the agent is stopped.",
        ),
    ] = None,
) -> None:
    """Serve an episode to an outside agent over the Model Context Protocol, on standard input and output.

    The agent gets tools for the task, the raw data, validating, submitting, feedback and the budget. The gates, the
    acceptance rule and the sealed test are the same as for every other agent. If the agent leaves before it has
    finished, run the same command to resume.

    [bold]Examples[/] (recipes for some agents: docs/outside-agents.md)

      claude mcp add ftdojo -- ftdojo mcp chemistry/mol_und --budget 30m --name claude-code

      ftdojo mcp chemistry/mol_und --budget 30m --http 8765

      ftdojo mcp chemistry/mol_und --budget 30m --name mine --start "python /home/me/agent.py"
    """
    _require_sdk()
    from ftdojo.outside import AgentLeft, Seat, StartedAgent, Watched, parse_command
    from ftdojo.outside.server import Service
    from ftdojo.outside.signals import Signals
    from ftdojo.outside.tools import Desk
    from ftdojo.record import RunFolder

    if start is not None:
        parse_command(start)
    folder = out_dir or Path("runs") / f"{short_name(options.task)}-{name}-seed{options.seed}"
    run = RunFolder(folder)
    run.require_place()
    run.require_plain()
    options = options.model_copy(update={"agent": name})
    seat = Seat(name, finish_when_left=finish_when_left or bool(start))
    with Live() as live, Signals(seat, run.finish_log, client=wire.get() is not None), ExitStack() as agent:
        desk = Desk(seat, Watched(live))
        result = None
        with suppress(AgentLeft):  # at any moment since the server listens
            service = Service(desk, 0 if start and http is None else http, run.address, wire.get())

            def begin() -> None:
                if start and service.url:
                    agent.enter_context(StartedAgent(start, folder, service.url, seat.leave))
                elif service.url:
                    live.say(f"serving {service.url}")

            try:
                # Only now, when an agent can be answered: these imports take seconds.
                from ftdojo.bench import is_in_contest
                from ftdojo.outside.play import play
                from ftdojo.report import write_report

                require_for_run(options.model)
                result = play(options, folder, seat, desk.watched, begin, may_extend=not is_in_contest(folder))
                if result is not None:
                    report = write_report(folder)
            except AgentLeft:
                raise
            except FtdojoError as error:
                seat.report_failure(error)
                service.end_failed()
                raise
            except BaseException:
                seat.report_failure(UsageError("the episode was interrupted", fix="ask its owner to resume it"))
                raise
        if result is None:
            desk.watched.say(f"{name} left before it had finished; run the same command to resume {folder}")
            return
        desk.watched.say(f"report {report}; result {run.result}")
        seat.report_result(result)
        with suppress(KeyboardInterrupt):  # its client ends it: all is done
            service.end()
    err.print("done", style="bold green")


def _require_sdk() -> None:
    """Check that the server's libraries are installed.

    Raises:
        PrerequisiteError: if one is missing.
    """
    try:
        import ftdojo.outside.server  # noqa: F401
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types", "anyio", "uvicorn"):
            raise
        raise PrerequisiteError("the MCP SDK is missing", fix=install_command("mcp")) from None
