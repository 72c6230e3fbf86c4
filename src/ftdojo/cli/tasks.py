"""``ftdojo tasks``, ``task show|new|check`` and ``score``: the commands that need no model. Torch is not imported."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table
from rich.text import Text

from ftdojo.cli.console import out, print_json, print_table
from ftdojo.cli.run import Json, TaskName
from ftdojo.contract.options import RunOptions
from ftdojo.disk import disk_errors
from ftdojo.errors import InputError, UsageError
from ftdojo.findings import Finding
from ftdojo.plain import plural

if TYPE_CHECKING:
    from ftdojo.tasks.check import CheckReport, Probe

app = typer.Typer(help="Show, create and check tasks.", no_args_is_help=True)


def list_tasks(json: Json = False) -> None:
    """List the tasks of the installed task families."""
    from ftdojo import tasks
    from ftdojo.tasks import families

    specs = [(tasks.get(name).spec, sorted(tasks.get(name).variants)) for name in tasks.ids()]
    rows: list[dict[str, Any]] = [
        {
            "id": spec.id,
            "domain": spec.domain,
            "metric": spec.metric,
            "higher_is_better": spec.higher_is_better,
            "subtasks": list(spec.subtasks),
            "variants": variants,
        }
        for spec, variants in specs
    ]
    if json:
        print_json(rows)
        return
    if not rows:
        out.print(f"no task family is installed; `{families.INSTALL}` installs the benchmark tasks")
        out.print("`ftdojo task new NAME` writes a task of your own")
        return
    table = Table(Column("task", no_wrap=True), "metric", "better", "sub-tasks", "data", box=None)
    for row in rows:
        better = "higher" if row["higher_is_better"] else "lower"
        table.add_row(row["id"], row["metric"], better, ", ".join(row["subtasks"]), ", ".join(row["variants"]))
    print_table(table)


@app.command("show")
def show_task(task: TaskName, json: Json = False) -> None:
    """Show a task: objective, answer format, raw data, rules, known shortcuts."""
    from dataclasses import asdict

    from ftdojo import tasks

    found = tasks.get(task)
    spec = found.spec
    if json:
        print_json(asdict(spec))
        return
    better = "higher" if spec.higher_is_better else "lower"
    out.print(Text.assemble((spec.id, "bold"), f" ({spec.domain}): {spec.metric}, {better} is better"))
    for title, text in [("Objective", spec.objective), ("Answer", spec.output_format), ("Licence", spec.licence)]:
        out.print(Text.assemble((title, "bold"), f"  {text}"))
    for source in spec.raw_sources:
        out.print(Text.assemble((source.path, "bold"), f"  {source.description}"))
        for way in source.renderings:
            out.print(f"  {way.name}: {way.description}")
    for score in spec.published:
        other = "; asked with another prompt than ours, so it does not compare" if found.own_prompt else ""
        figures = f"  {score.metric}: base model {score.base:g}, original FT-Agent {score.ft_agent:g}{other}"
        out.print(Text.assemble(("Published", "bold"), figures))
    rules = spec.rules
    limits = f"  at most {plural(rules.max_rows, 'row')}; {', '.join(rules.methods)}; {rules.wall_s / 3600:g} h"
    out.print(Text.assemble(("Rules", "bold"), limits))


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the task; a folder of that name is written.")],
    into: Annotated[Path, typer.Option(help="Parent of the new folder.")] = Path(),
    source: Annotated[
        str | None, typer.Option("--from", metavar="FILE|FOLDER|HUB-ID", help="Make the task of these rows.")
    ] = None,
    answer: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column with the right answers.")] = None,
    prompt: Annotated[
        str | None, typer.Option(help="Column, or Jinja template over a row's columns; by default all columns.")
    ] = None,
    split: Annotated[float, typer.Option(help="Share of the rows for evaluation.")] = 0.2,
    system: Annotated[str, typer.Option(help="Text that stands before every prompt.")] = "",
    model: Annotated[str, typer.Option(help="Base model, whose tokens are counted.")] = RunOptions.model_fields[
        "model"
    ].default,
    json: Json = False,
) -> None:
    """Write a task folder: of your own rows (--from), or a small working one to start from.

    Rows are read from CSV, TSV, JSON lines, a JSON list, Parquet, Arrow, Excel, ShareGPT and OpenAI messages, or from a
    data set of the hub.

    [bold]Examples[/]

      ftdojo task new reviews --from reviews.csv --answer sentiment

      ftdojo task new support --from chats.jsonl --system "You are a support agent."
    """
    folder = into / Path(name).name
    if source is None:
        from ftdojo.tasks.scaffold import new as scaffold

        if answer or prompt or system:
            raise UsageError("--answer, --prompt and --system are about rows", fix="name the rows with --from")
        with disk_errors(folder):
            scaffold(name, folder)
        document: Any = {"folder": str(folder)}
    else:
        from ftdojo import models
        from ftdojo.data.intake import Wishes, make_task
        from ftdojo.record import Home

        wishes = Wishes(answer=answer, prompt=prompt, share=split, system=system)
        count = models.token_counter(models.resolve(model, Home.default().root))
        with disk_errors(folder):
            document = make_task(name, folder, source, wishes, count)
    if json:
        print_json(document)
        return
    if source is not None:
        _print_intake(document)
    out.print(f"wrote {folder}; check it with: ftdojo task check {shlex.quote(str(folder))}", soft_wrap=True)


@app.command()
def check(
    task: TaskName, data: Annotated[str | None, typer.Option(help="Data variant.")] = None, json: Json = False
) -> None:
    """Check a task: gold answers score best, empty and constant answers are reported, splits do not overlap."""
    from ftdojo import sandbox, tasks
    from ftdojo.data import build_index, find_copies, locate, read_items
    from ftdojo.judge import bind_recorded
    from ftdojo.record import Home
    from ftdojo.tasks.check import check as check_task

    name, found = tasks.get(task, runner=sandbox.run_user_code).variant(data)
    bind_recorded(found, None, [])  # reads the files of a judge
    sources = locate(found.variants[name].sets, Home.default())
    with tempfile.TemporaryDirectory(prefix="ftdojo-check-") as folder:
        found.variants[name].build(Path(folder), sources)
        verdict = check_task(found, Path(folder))
        splits = [read_items(Path(folder, f"{split}.jsonl")) for split in ("validation", "test")]
        index = build_index(found, Path(folder, "raw"), [item for items in splits for item in items])
        copies = find_copies(found, Path(folder, "raw"), index)
        verdict = verdict.model_copy(update={"findings": [*verdict.findings, *copies]})
    if json:
        print_json(verdict)
    else:
        _print_check(verdict, found.spec.best_value)
        if verdict.ok:
            out.print(f"run it with: ftdojo run {shlex.quote(task)} --budget 30m", soft_wrap=True)
    if not verdict.ok:
        raise typer.Exit(1)


def score(
    task: TaskName,
    items: Annotated[Path, typer.Option(help="Evaluation items, with ids; without any, rows are numbered.")],
    predictions: Annotated[Path, typer.Option(help='Predictions as JSON lines: {"id": …, "output": …}.')],
    json: Json = False,
) -> None:
    """Score predictions from a file. No model is needed."""
    from ftdojo import sandbox, tasks
    from ftdojo.tasks.scoring import pair
    from ftdojo.tasks.scoring import score as evaluate

    found = tasks.get(task, runner=sandbox.run_user_code)
    records = read_rows(items)
    report = evaluate(found, records, pair(records, read_rows(predictions), where=predictions.name))
    if json:
        print_json(report)
        return
    low, high = report.interval
    counts = f" [{low:.2f}, {high:.2f}] n = {report.n}, parsed {report.parsed:.1%}"
    out.print(Text.assemble(f"{report.metric} ", (f"{report.value:.2f}", "bold"), counts))
    for name, part in report.subtasks.items():
        out.print(f"  {name}: {part.value:.2f} (n = {part.n})")
    for name, value in report.metrics.items():
        out.print(f"  {name}: {value:.6g}")


def _print_intake(found: Any) -> None:
    left_out = "; ".join(
        f"{plural(count, 'row')} {'that' if count == 1 else 'of which each'} {reason}"
        for reason, count in found.left_out.items()
    )
    missing = ", ".join(f"{name} {count}" for name, count in found.columns.items() if count)
    classes = ", ".join(f"{name} {count}" for name, count in found.classes.items())
    lines = [
        ("Form", f"{found.form}: {plural(found.rows, 'row')} of {', '.join(found.files)}"),
        ("Columns", ", ".join(name or "(without a name)" for name in found.columns)),
        ("Missing", missing or "nothing"),
        ("Left out", left_out or "nothing"),
        ("Prompt", found.prompt),
        ("Answer", found.answer),
        *([("Classes", classes)] if classes else []),
        (
            "Tokens",
            f"prompts {found.prompt_tokens.median} in the median, {found.prompt_tokens.longest} at most; "
            f"answers {found.answer_tokens.median} and {found.answer_tokens.longest}",
        ),
        ("Scorer", f"{found.scorer}, {found.metric}: {found.why}"),
        (
            "Split",
            f"{plural(found.train, 'row')} to train on, {found.evaluation:,} for evaluation"
            + (f"; {_grouped(found.grouped)}" if found.grouped else ""),
        ),
        *(("Note", remark) for remark in found.remarks),
    ]
    for title, text in lines:
        out.print(Text.assemble((f"{title:9}", "bold"), text), soft_wrap=not out.is_terminal)


def _grouped(rows: int) -> str:
    have, are = ("has", "is") if rows == 1 else ("have", "are")
    return f"{plural(rows, 'row')} {have} a near-duplicate or a document in common with one, and {are} on its side"


def _print_check(verdict: CheckReport, best: float) -> None:
    """Print what was found: the items, the training pairs, what known answers score, and the faults."""
    for split, count in verdict.items.items():
        out.print(f"{split}: {plural(count, 'item')}")
        for probe in verdict.probes:
            if probe.split == split:
                out.print(f"  {_describe(probe)} score {probe.value:g} of {best:g}", soft_wrap=True)
    for source, count in verdict.pairs.items():
        out.print(f"raw data, {source}: {plural(count, 'training pair')}", soft_wrap=True)
    for finding in verdict.findings:
        colour = "red" if finding.severity == "error" else "yellow"
        found = Text.assemble((finding.severity, colour), f", {finding.code}: {finding.where}: {finding.message}")
        out.print(found, soft_wrap=True)
        out.print(f"  fix: {finding.fix}", soft_wrap=True)
    errors = sum(finding.severity == "error" for finding in verdict.findings)
    warnings = plural(len(verdict.findings) - errors, "warning")
    fault = Text.assemble(("the task has faults", "bold red"), f": {plural(errors, 'error')}, {warnings}")
    out.print(Text.assemble(("ok", "bold green"), f": the task can be used; {warnings}") if verdict.ok else fault)


def _describe(probe: Probe) -> str:
    """Return the outputs of a probe in words."""
    if probe.name in (known := {"gold": "the right answers", "blank": "empty answers"}):
        return known[probe.name]
    shown = " ".join(probe.output.split())
    answer = f"answers that are all '{shown[:60]}{'…' if len(shown) > 60 else ''}'"
    return answer if probe.name == "constant" else f"{answer} ({probe.name})"


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read rows from a file of any of the forms. Where none has an id, its number from 1 is its id; otherwise every row
    without one is reported."""
    from ftdojo.tasks import raw_files

    if not path.is_file():
        raise UsageError(f"there is no file {path}", fix="check the path")
    if path.suffix.lower() not in raw_files.READERS:
        raise UsageError(f"{path} has no known form", fix=f"use one of: {', '.join(raw_files.READERS)}")
    rows = raw_files.read_rows(path)
    if all(row.get("id") is None for row in rows):
        rows = [{**row, "id": str(number)} for number, row in enumerate(rows, start=1)]
    faults = [
        ("no_id", f"{path.name}: row {number}", "has no 'id'", "give every row the id of its item")
        for number, row in enumerate(rows, start=1)
        if row.get("id") is None
    ]
    if not rows:
        faults = [("empty", path.name, "holds no rows", "add at least one row")]
    if faults:
        raise InputError(
            [Finding(code=c, gate=0, message=m, where=w, fix=f) for c, w, m, f in faults[: raw_files.MAX_FINDINGS]]
        )
    return rows
