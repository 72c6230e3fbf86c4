"""``ftdojo model check``: what a base model can do, and which trainings fit on a card."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from ftdojo.cli.console import out, print_json
from ftdojo.cli.run import Json
from ftdojo.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="Base models: what holds of one, before anything is trained.")


@app.callback()
def _options() -> None:
    """Base models: what holds of one, before anything is trained."""


@app.command("check")
def check_model(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="The embedded model, a folder (config.json is enough), or a hub id."),
    ],
    card: Annotated[
        str, typer.Option(metavar="SIZE", help="Memory of the GPU on which it is to be trained, e.g. 24GB.")
    ] = "24GB",
    json: Json = False,
) -> None:
    """Say what holds of a base model: architecture, template, turns, thinking, stop tokens, and what fits on a card.

    Memory and time are a forecast for rows of 1,024 tokens, 16 in a step; no weights are loaded. Of a folder with a
    configuration alone, only the forecast is made.

    [bold]Example[/]

      ftdojo model check smollm2-135m --card 24GB
    """
    from ftdojo import models
    from ftdojo.models.suitability import check_files, describe_configuration, shapes_of
    from ftdojo.record import Home
    from ftdojo.training.fit import GIB, count_adapters, fit, parse_card

    try:
        memory = parse_card(card)
    except ValueError:
        raise UsageError(f"--card: {card!r} is not the memory of a card", fix="write a size such as 24GB") from None
    folder = models.resolve(model, Home.default().root)
    info = describe_configuration(folder)
    whole = any(folder.glob("tokenizer*"))
    abilities, fits = list(check_files(folder)) if whole else [], fit(info, memory, count_adapters(shapes_of(folder)))
    if json:
        shown = [asdict(one) for one in fits]
        print_json({"model": asdict(info), "checks": [asdict(one) for one in abilities], "card": card, "fits": shown})
    else:
        size = f"{info.parameters / 1e9:.2f} billion parameters"
        out.print(f"{info.architecture}, {size}, {info.precision}, context of {info.context_length:,} tokens")
        for one in abilities:
            status = ("ok  ", "green") if one.ok else (("FAIL", "red") if one.needed else ("no  ", "yellow"))
            out.print(Text.assemble(status, f" {one.name}: {one.detail}"), soft_wrap=True)
        table = Table("method", f"fits on {card}", "rows at once", "memory", "10,000 rows", box=box.SIMPLE_HEAD)
        for each in fits:
            cells = ("yes", str(each.batch_size)) if each.batch_size else ("no", "")
            table.add_row(each.method, *cells, f"{each.peak / GIB:.1f} GiB", _time(each.hours))
        out.print(table)
        out.print("memory and time are a forecast, not a measurement")
    if any(one.needed and not one.ok for one in abilities):
        raise typer.Exit(1)


def _time(hours: float) -> str:
    """``5.8 h``, or minutes below an hour."""
    return f"{hours:.1f} h" if hours >= 1 else f"{max(1, round(60 * hours))} min"
