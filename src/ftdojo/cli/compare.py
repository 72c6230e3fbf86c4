"""``ftdojo compare``: the paired comparison of finished runs, predictions, scores, and logs of other harnesses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from ftdojo.cli.console import out, print_json, print_table
from ftdojo.cli.run import Json
from ftdojo.errors import UsageError
from ftdojo.plain import plural

if TYPE_CHECKING:
    from ftdojo.audit.comparison import Comparison, Value

SHOWN_FLIPS = 10


def compare(
    systems: Annotated[
        list[str],
        typer.Argument(
            metavar="FIRST OTHER…",
            help="Each a folder of a finished run (RUN@base is its base model), a file of `ftdojo score --json`, "
            "predictions, samples_*.jsonl of lm-evaluation-harness, or a log of Inspect. NAME=PATH gives it a name.",
        ),
    ],
    task: Annotated[str | None, typer.Option(help="Of predictions: the task that scores them.")] = None,
    items: Annotated[
        Path | None, typer.Option(help="Of predictions: the items that they answer, as JSON lines.")
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(help="Of logs of other harnesses: the metric; with lm-evaluation-harness METRIC,FILTER."),
    ] = None,
    lower_is_better: Annotated[
        bool, typer.Option("--lower-is-better", help="Of logs of other harnesses: the metric is an error.")
    ] = False,
    margin: Annotated[float, typer.Option(min=0.0, help="How much worse is acceptable, in the metric's unit.")] = 0.0,
    fail_if_worse: Annotated[
        bool,
        typer.Option(
            "--fail-if-worse",
            help="Exit with 1 if another system is shown to be worse than the first; with --margin, unless it is shown "
            "to be worse by no more than that (non-inferiority).",
        ),
    ] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the comparison as one HTML page.")
    ] = None,
    json: Json = False,
) -> None:
    """Compare systems with the first one, item by item: difference with its interval, test, classes, changed items.

    Only items that all systems answered are compared; how many were left out is said. The interval is that of the
    paired difference. The test is McNemar's if every item is right or wrong, else a permutation test.

    Exit status: 0, or with --fail-if-worse 1 if one of them is worse; 2 if they cannot be compared.

    [bold]Examples[/]

      ftdojo compare runs/a runs/b

      ftdojo compare before.json after.json --fail-if-worse --margin 1

      ftdojo compare base=samples_gsm8k_1.jsonl tuned=samples_gsm8k_2.jsonl --metric exact_match,strict-match
    """
    from ftdojo import sandbox, tasks
    from ftdojo.audit import comparison, scored_items
    from ftdojo.cli.tasks import read_rows

    if len(systems) < 2:
        raise UsageError("a comparison needs at least two systems", fix="ftdojo compare FIRST OTHER")
    found = tasks.get(task, runner=sandbox.run_user_code) if task else None
    records = read_rows(items) if items else []
    read = [
        scored_items.read(given, metric=metric, higher_is_better=not lower_is_better, task=found, items=records)
        for given in systems
    ]
    _check_names(systems, [system.name for system in read])
    compared = comparison.compare(read, margin=margin)
    if html:
        from ftdojo.report.comparison_page import write_comparison

        write_comparison(html, compared)
    if json:
        print_json(compared)
    else:
        _print(compared)
        if html:
            out.print(str(html), soft_wrap=True)
    if fail_if_worse and any(not o.within_margin if margin else o.verdict == "worse" for o in compared.others):
        raise typer.Exit(1)


def _check_names(systems: Sequence[str], names: Sequence[str]) -> None:
    for name in names:
        places = [given.rpartition("=")[2] for given, named in zip(systems, names, strict=True) if named == name]
        if len(places) > 1:
            called = " ".join(f"{name}-{number}={place}" for number, place in enumerate(places, start=1))
            raise UsageError(
                f"{len(places)} systems have the same name, {name}: {', '.join(places)}",
                fix=f"give each a name of its own before its path, such as {called}",
            )


def _print(found: Comparison) -> None:
    better = "higher" if found.higher_is_better else "lower"
    out.print(f"{found.metric}, {better} is better; {plural(found.n, 'item')} that all answered")
    for name, count in found.left_out.items():
        if count:
            out.print(
                Text(f"warning: {plural(count, 'item')} of {name} left out: not answered by another one", "yellow")
            )
    table = Table("system", "score", f"difference to {found.first}", "won", "lost", "p", "verdict", box=None)
    table.add_row(found.first, _shown(found.score), "", "", "", "", "")
    for other in found.others:
        p = f"{other.p_value:.2g} ({other.test})"
        style = {"better": "green", "worse": "bold red"}.get(other.verdict, "")
        verdict = Text(other.verdict, style)
        if found.margin:
            verdict.append(f", {'' if other.within_margin else 'not '}within {found.margin:g}")
        row = (other.name, _shown(other.score), _shown(other.difference, sign=True), str(other.won), str(other.lost))
        table.add_row(*row, p, verdict)
    for one in found.untrained:
        table.add_row(f"{one.name}, without training ({one.source})", _shown(one.score))
    print_table(table)
    for other in found.others:
        if other.groups:
            groups = Table("", "", "n", found.first, other.name, "difference", box=None)
            for group in other.groups:
                values = (_shown(group.first), _shown(group.other), _shown(group.difference, sign=True))
                groups.add_row(group.kind, group.name, str(group.n), *values)
            print_table(groups)
        for title, flips in (("lost", other.flips[: other.lost]), ("won", other.flips[other.lost :])):
            if flips:
                shown = ", ".join(flip.id for flip in flips[:SHOWN_FLIPS])
                more = f" and {len(flips) - SHOWN_FLIPS} more (--json has all)" if len(flips) > SHOWN_FLIPS else ""
                out.print(Text(f"{title} by {other.name}: {shown}{more}"), soft_wrap=not out.is_terminal)


def _shown(value: Value, *, sign: bool = False) -> str:
    low, high = value.interval
    return f"{value.value:+.2f} [{low:+.2f}, {high:+.2f}]" if sign else f"{value.value:.2f} [{low:.2f}, {high:.2f}]"
