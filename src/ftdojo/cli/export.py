"""``ftdojo export``: write the best model of a run as a folder that can be loaded and served."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ftdojo.cli.console import Live, err, out, print_json
from ftdojo.cli.run import Json


class Form(StrEnum):
    """The form of the exported weights."""

    MERGED = "merged"
    ADAPTER = "adapter"


def export(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="A folder that `ftdojo run --out` wrote.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for the model.")],
    form: Annotated[Form, typer.Option(help="merged: all weights; adapter: only the LoRA adapter.")] = Form.MERGED,
    task: Annotated[str | None, typer.Option(help="The task's folder, if it was moved after the run.")] = None,
    json: Json = False,
) -> None:
    """Write the best model of a run with its tokenizer and a model card, and score it again to verify it.

    [bold]Example[/]

      ftdojo export runs/demo models/demo
    """
    from ftdojo.audit.export import export as export_model
    from ftdojo.record import Home
    from ftdojo.report.card import commands, write_card

    with Live() as live:
        exported = export_model(run_dir, folder, form=form.value, home=Home.default(), task=task, progress=live)
    card, serve = write_card(exported), commands(exported)
    if json:
        score = exported.score.model_dump(mode="json")
        document = {"folder": str(folder), "form": form.value, "card": str(card), "validation": score, "serve": serve}
        print_json(document)
        return
    out.print(f"{folder}: {form.value}, {exported.score} on validation, as recorded", soft_wrap=True)
    out.print("serve it with:")
    for command in serve:
        out.print(f"  {command}", soft_wrap=True)
    err.print(Text.assemble(("done", "bold green"), f": model card {card}"), soft_wrap=True)
