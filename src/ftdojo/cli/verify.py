"""``ftdojo verify``: the audit of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ftdojo.cli.console import Live, err, out, print_json
from ftdojo.cli.run import Json

COLOURS = {"ok": "green", "failed": "bold red", "unchecked": "yellow"}


def verify(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="A folder that `ftdojo run --out` wrote, or a copy.")],
    task: Annotated[str | None, typer.Option(help="The task's folder, if it was moved after the run.")] = None,
    json: Json = False,
) -> None:
    """Audit a finished run from its own record: ledger, budget, digests, scores, decisions, overlap, lineage.

    Nothing is changed, trained, built or fetched. Scores are computed again from the stored outputs. A check that
    needs something that is not on this machine (the store below FTDOJO_HOME, the task's data, the base model) is
    reported as [yellow]unchecked[/], with the reason.

    Exit status: 0 if no check failed, 1 if one failed, 2 if there is no finished run.

    [bold]Examples[/]

      ftdojo verify runs/demo

      ftdojo verify runs/demo --json > audit.json
    """
    from ftdojo.audit import verify as audit
    from ftdojo.record import Home

    with Live() as live:
        found = audit(run_dir, home=Home.default(), task=task, progress=live)
    if json:
        print_json(found)
    else:
        for check in found.checks:
            status = (f"{check.status:<9}", COLOURS[check.status])
            out.print(Text.assemble(status, f" {check.name:<11} {check.message}"), soft_wrap=True)
        verdict = ("no check failed", "bold green") if found.ok else ("the audit failed", "bold red")
        unchecked = sum(check.status == "unchecked" for check in found.checks)
        err.print(Text.assemble(verdict, f", {unchecked} could not be made on this machine" if unchecked else ""))
    if not found.ok:
        raise typer.Exit(1)
