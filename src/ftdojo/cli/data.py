"""``ftdojo data prepare|show``: fetch a task's data once, so that runs need no network, and show its profile."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from ftdojo.cli.console import Live, out, print_json, print_table
from ftdojo.cli.run import Json, TaskName
from ftdojo.plain import plural

if TYPE_CHECKING:
    from ftdojo.contract.data_profile import FieldProfile, FileProfile
    from ftdojo.record import Home

app = typer.Typer(help="Prepare a task's data, and show its profile.", no_args_is_help=True)

VariantName = Annotated[
    str | None,
    typer.Option("--variant", help="Data variant: twin (generated) or hub (published); the first one if not given."),
]
HomeFolder = Annotated[Path | None, typer.Option("--home", help="The cache folder; $FTDOJO_HOME if not given.")]


@app.command()
def prepare(task: TaskName, variant: VariantName = None, home: HomeFolder = None, json: Json = False) -> None:
    """Fetch the published sets of a task, check them, and build its data. Afterwards its runs need no network.

    Sets found below $FTDOJO_DATA as ORG/NAME/… are read from there and not fetched.
    """
    from ftdojo import data, tasks

    name, found = tasks.get(task).variant(variant)
    place, sets = _home(home), found.variants[name].sets
    with Live() as live:
        folders = []
        for hub_set in sets:
            folders.append(data.fetch(hub_set, place, partial(_show_bytes, live, hub_set.id)))
            live.end("fetch", f"{hub_set.id} is in {folders[-1]}")
        live.update("build", 0, 2, "raw data, validation and test")
        prepared = data.prepare(found, name, place)
        live.update("build", 1, 2, "profile of the raw data")
        files = data.profiled(prepared, place).files
        live.end("build", f"{found.spec.id} ({name})")
    items = {"validation": prepared.validation, "test": prepared.sealed_test}
    document: dict[str, Any] = {
        "task": found.spec.id,
        "variant": name,
        "sets": [
            {"id": s.id, "revision": s.revision, "licence": s.licence, "folder": str(folder)}
            for s, folder in zip(sets, folders, strict=True)
        ],
        "folder": str(prepared.raw),
        "rows": {file.path: file.rows for file in files},
        "items": {split: len(data.read_items(path)) for split, path in items.items()},
        "digests": prepared.digests,
    }
    if json:
        print_json(document)
    else:
        _print_prepared(document)


@app.command("show")
def show_profile(
    task: TaskName,
    variant: VariantName = None,
    home: HomeFolder = None,
    model: Annotated[str | None, typer.Option(help="Also count tokens, with the tokenizer of this base model.")] = None,
    json: Json = False,
) -> None:
    """Show the profile of a task's raw data: rows, fields, lengths, missing values, labels, samples."""
    from ftdojo import data, models, tasks

    name, found = tasks.get(task).variant(variant)
    place = _home(home)
    with Live() as live:
        live.update("profile", 0, 1, "raw data")
        prepared = data.prepare(found, name, place)
        if model is None:
            profile = data.profiled(prepared, place)
        else:
            base = models.resolve(model, place.root)
            count, tokenizer = models.token_counter(base), models.digest(base)
            profile = data.profiled(prepared, place, count=count, tokenizer=tokenizer)
        live.end("profile", f"{found.spec.id} ({name})")
    if json:
        print_json(profile)
        return
    for file in profile.files:
        _print_file(file)


def _home(folder: Path | None) -> Home:
    from ftdojo.record import Home

    return Home.default() if folder is None else Home(folder.absolute())


def _show_bytes(live: Live, name: str, done: float, total: float) -> None:
    live.update("fetch", done, total, f"{name}: {done / 2**20:,.1f} of {total / 2**20:,.1f} MiB")


def _print_prepared(document: dict[str, Any]) -> None:
    for hub_set in document["sets"]:
        out.print("{id} at {revision} ({licence}): {folder}".format(**hub_set), soft_wrap=True)
    table = Table("part", "items", "digest", box=None)
    rows, items, digests = document["rows"], document["items"], document["digests"]
    table.add_row("raw", f"{plural(sum(rows.values()), 'row')} in {plural(len(rows), 'file')}", digests["raw"])
    for split, number in items.items():
        table.add_row(split, f"{number:,}", digests[split])
    print_table(table)
    out.print(f"{document['task']} ({document['variant']}) is prepared: {document['folder']}", soft_wrap=True)


def _print_file(file: FileProfile) -> None:
    out.print(Text.assemble((file.path, "bold"), f"  {plural(file.rows, 'row')}, {file.malformed_rows:,} malformed"))
    with_tokens = f"tokens p50 / p95 of {plural(file.token_rows, 'row')}" if file.token_rows else ""
    table = Table("field", "types", "missing", "characters p50 / p95", box=None)
    if with_tokens:
        table.add_column(with_tokens)
    table.add_column("notes")
    for field in file.fields:
        tokens = [f"{field.tokens_p50:,} / {field.tokens_p95:,}"] if field.tokens_p50 is not None else []
        table.add_row(
            field.name,
            ", ".join(field.types),
            f"{field.missing_share:.1%}",
            f"{field.chars_p50:,} / {field.chars_p95:,}",
            *tokens,
            _notes(field),
        )
    print_table(table)
    if file.fields_left_out:
        out.print(f"  and {file.fields_left_out:,} more fields")
    for sample in file.samples:
        out.print(f"  {sample}", soft_wrap=True)


def _notes(field: FieldProfile) -> str:
    notes = []
    if field.broken_json_share is not None:
        notes.append(f"JSON as text, {field.broken_json_share:.1%} broken")
    if field.labels is not None:
        notes.append(", ".join(f"{value!r}: {number:,}" for value, number in field.labels.items()))
    return "; ".join(notes)
