"""``ftdojo verify``: the audit of a finished run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ftdojo.cli.console import Live, err, out, print_json
from ftdojo.cli.run import Json, MovedTask
from ftdojo.errors import UsageError

Remake = Annotated[
    bool,
    typer.Option(
        "--remake",
        help="Run the data program of the best model of a run again in the sandbox, on the raw data and the recorded "
        "calls, and compare the rows.",
    ),
]
COLOURS = {"ok": "green", "failed": "bold red", "unchecked": "yellow"}


def verify(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="A folder that `ftdojo run --out` wrote, or a copy.")],
    task: MovedTask = None,
    regenerate: Annotated[
        bool, typer.Option("--regenerate", help="Answer the test again with the kept models, and compare the outputs.")
    ] = False,
    sample: Annotated[
        int | None, typer.Option(min=1, help="With --regenerate: number of test items, drawn anew; all if not given.")
    ] = None,
    remake: Remake = False,
    expect: Annotated[
        str | None, typer.Option(metavar="LINK", help="A link of the ledger that you noted in another place.")
    ] = None,
    json: Json = False,
) -> None:
    """Audit a finished run from its own record: ledger, budget, digests, scores, decisions, overlap, lineage.

    Nothing is changed, trained, built or fetched. Scores are computed again from the stored outputs. A check that
    needs something that is not on this machine (the store below FTDOJO_HOME, the task's data, the base model) is
    reported as [yellow]unchecked[/], with the reason.

    The ledger's events are linked, so a single change is found; but whoever has the folder could replace outputs and
    link everything anew. Against that compare a link that you noted earlier (--expect), and let the models answer the
    test again (--regenerate), which needs the machine of the run.

    Exit status: 0 if no check failed, 1 if one failed, 2 if there is no finished run.

    [bold]Examples[/]

      ftdojo verify runs/demo

      ftdojo verify runs/demo --json > audit.json

      ftdojo verify runs/demo --regenerate --sample 20 --expect 5f0c…
    """
    from ftdojo.audit import Demand
    from ftdojo.audit import verify as audit
    from ftdojo.record import Home

    if sample is not None and not regenerate:
        raise UsageError("--sample says how many items are answered again", fix="add --regenerate")
    if expect is not None and not re.fullmatch("[0-9a-f]{64}", expect):
        raise UsageError("--expect takes a link: 64 hexadecimal digits", fix="copy `ledger` of result.json as it was")
    demand = Demand(regenerate=regenerate, sample=sample, remake=remake, expect=expect)
    with Live() as live:
        found = audit(run_dir, home=Home.default(), task=task, demand=demand, progress=live)
    if json:
        print_json(found)
    else:
        for check in found.checks:
            status = (f"{check.status:<9}", COLOURS[check.status])
            out.print(Text.assemble(status, f" {check.name:<11} {check.message}"), soft_wrap=True)
        verdict = ("no check failed", "bold green") if found.ok else ("the audit failed", "bold red")
        unchecked = sum(check.status == "unchecked" for check in found.checks)
        err.print(Text.assemble(verdict, f", {unchecked} could not be made on this machine" if unchecked else ""))
        if found.ledger and expect is None:
            note = f"the last link is {found.ledger}: if you note it elsewhere, --expect finds a later change"
            err.print(note, soft_wrap=True)
    if not found.ok:
        raise typer.Exit(1)
