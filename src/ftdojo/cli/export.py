"""``ftdojo export``: write the best model of a run as a folder that can be loaded and served."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from ftdojo.cli.console import Live, err, out, print_json
from ftdojo.cli.run import Json, MovedTask, OfRun

if TYPE_CHECKING:
    from ftdojo.audit.form_scores import FormScore


class Form(StrEnum):
    """The form of the exported weights."""

    MERGED = "merged"
    ADAPTER = "adapter"
    GGUF = "gguf"


def export(
    run_dir: OfRun,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for the model.")],
    form: Annotated[
        Form,
        typer.Option(help="merged: all weights; adapter: only the LoRA adapter; gguf: files for llama.cpp and Ollama."),
    ] = Form.MERGED,
    quant: Annotated[
        str, typer.Option(metavar="LIST", help="Also write these quantizations of a GGUF file, e.g. q8_0,q4_k_m.")
    ] = "",
    ollama: Annotated[
        bool, typer.Option("--ollama", help="Write a Modelfile for the last GGUF file, with template and stop tokens.")
    ] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Ask every exported file the validation items, and show what each form loses."),
    ] = False,
    base_id: Annotated[
        str | None, typer.Option(metavar="ORG/NAME", help="The base model's id on the hub, if a local folder was used.")
    ] = None,
    task: MovedTask = None,
    json: Json = False,
) -> None:
    """Write the best model of a run with its tokenizer and a model card, and score it again to verify it.

    The folder can be uploaded to a hub as it is: no file holds a path of this machine. GGUF files are made by
    llama.cpp's own converter and quantizer, and asked through its server, which are the extra `gguf`.

    [bold]Examples[/]

      ftdojo export runs/demo models/demo

      ftdojo export runs/demo models/demo-gguf --form gguf --quant q8_0,q4_k_m --ollama --check
    """
    from ftdojo.audit.export import Wanted
    from ftdojo.audit.export import export as export_model
    from ftdojo.models.gguf import parse_quants
    from ftdojo.record import Home
    from ftdojo.report.card import commands, write_card

    wanted = Wanted(form=form.value, quants=parse_quants(quant), ollama=ollama, check=check, base_id=base_id)
    with Live() as live:
        exported = export_model(run_dir, folder, wanted, home=Home.default(), task=task, progress=live)
    card, serve = write_card(exported), commands(exported)
    if json:
        print_json(
            {
                "folder": str(folder),
                "form": form.value,
                "files": [str(path) for path in exported.written.weights],
                "card": str(card),
                "validation": exported.score.model_dump(mode="json"),
                "checked": [_document(one) for one in exported.checked],
                "serve": serve,
            }
        )
        return
    out.print(f"{folder}: {form.value}, {exported.score} on validation, as recorded", soft_wrap=True)
    if check:
        out.print(forms_table(exported.checked))
    out.print("serve it with:")
    for command in serve:
        out.print(f"  {command}", soft_wrap=True)
    err.print(Text.assemble(("done", "bold green"), f": model card {card}"), soft_wrap=True)


def forms_table(checked: Sequence[FormScore]) -> Table:
    """Return what each exported form loses against the answers of the run."""
    table = Table("form", "validation", "difference to the run", "same answers", box=box.SIMPLE_HEAD, pad_edge=False)
    for one in checked:
        gap = f"{one.difference.value:+.1f} [{one.difference.low:+.1f}, {one.difference.high:+.1f}]"
        table.add_row(one.form, str(one.score), gap, f"{one.same} of {one.score.n}")
    return table


def _document(one: FormScore) -> dict[str, Any]:
    return {
        "form": one.form,
        "validation": one.score.model_dump(mode="json"),
        "difference": one.difference.model_dump(mode="json"),
        "same": one.same,
    }
