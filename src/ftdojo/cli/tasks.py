"""``ftdojo tasks``, ``task show|new|check`` and ``score``: the commands that need no model. Torch is not imported."""

from __future__ import annotations

import json as jsonlib
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from ftdojo.cli.console import out, print_json
from ftdojo.cli.run import Json, TaskName
from ftdojo.errors import InputError, UsageError
from ftdojo.findings import Finding

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
    table = Table("task", "metric", "better", "sub-tasks", "data", box=None)
    for row in rows:
        better = "higher" if row["higher_is_better"] else "lower"
        table.add_row(row["id"], row["metric"], better, ", ".join(row["subtasks"]), ", ".join(row["variants"]))
    out.print(table)


@app.command()
def show(task: TaskName, json: Json = False) -> None:
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
    limits = f"  at most {rules.max_rows} rows; {', '.join(rules.methods)}; {rules.wall_s / 3600:g} h"
    out.print(Text.assemble(("Rules", "bold"), limits))


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the task; a folder of that name is written.")],
    into: Annotated[Path, typer.Option(help="Parent of the new folder.")] = Path(),
    json: Json = False,
) -> None:
    """Write a small working task folder to start from."""
    from ftdojo.tasks.scaffold import new as scaffold

    folder = scaffold(name, into / Path(name).name)
    if json:
        print_json({"folder": str(folder)})
    else:
        out.print(f"wrote {folder}; check it with: ftdojo task check {folder}")


@app.command()
def check(
    task: TaskName, data: Annotated[str | None, typer.Option(help="Data variant.")] = None, json: Json = False
) -> None:
    """Check a task: gold answers score best, empty and constant answers are reported, splits do not overlap."""
    from ftdojo import sandbox, tasks
    from ftdojo.data import locate
    from ftdojo.record import Home
    from ftdojo.tasks.check import check as check_task

    name, found = tasks.get(task, runner=sandbox.run_user_code).variant(data)
    sources = locate(found.variants[name].sets, Home.default())
    with tempfile.TemporaryDirectory(prefix="ftdojo-check-") as folder:
        found.variants[name].build(Path(folder), sources)
        verdict = check_task(found, Path(folder))
    if json:
        print_json(verdict)
    else:
        _print_check(verdict)
    if not verdict.ok:
        raise typer.Exit(1)


def score(
    task: TaskName,
    items: Annotated[Path, typer.Option(help="Evaluation items as JSON lines, each with an id.")],
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
        out.print(f"  {name}: {value:.3f}")


def _print_check(verdict: Any) -> None:
    for probe in verdict.probes:
        out.print(f"  {probe}")
    for finding in verdict.findings:
        out.print(f"{finding.severity}, {finding.code}: {finding.where}: {finding.message}")
        out.print(f"  fix: {finding.fix}")
    out.print("ok" if verdict.ok else "the task has faults")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read the rows of a JSON-lines file; every faulty line is reported."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}", fix="check the path")
    rows, findings = [], []
    for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = jsonlib.loads(line)
        except (ValueError, RecursionError) as error:
            value, problem = None, f"is not JSON: {error}"
        else:
            problem = "" if isinstance(value, dict) and "id" in value else "is not an object with an 'id'"
        if problem:
            where = f"{path.name}: line {number}"
            findings.append(
                Finding(code="bad_json", gate=0, message=problem, where=where, fix="write one JSON object per line")
            )
        else:
            rows.append(value)
    if not rows and not findings:
        findings.append(
            Finding(code="empty", gate=0, message="holds no rows", where=path.name, fix="add at least one row")
        )
    if findings:
        raise InputError(findings[:20])
    return rows
