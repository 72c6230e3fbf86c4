"""Run a submission's data program in the sandbox and parse every row that it writes."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ftdojo import sandbox
from ftdojo.contract import recipe_program
from ftdojo.contract.recipe import Recipe
from ftdojo.contract.row import Row
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.gateway.access import Access
from ftdojo.gateway.server import HELPER, INSIDE
from ftdojo.plain import plural
from ftdojo.training import Trainer

OUTPUT = "rows.jsonl"
MAX_FAULTY_ROWS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class DataReport:
    """Statistics of the rows of a data program."""

    rows: int
    duplicates: int
    conflicting: int
    """Rows whose prompt also occurs with another completion."""
    per_subtask: dict[str, int]
    top_completion_share: float
    top_completion_by_subtask: dict[str, float]
    """The share of the most frequent completion among the rows of every sub-task."""
    sampled: dict[str, int] | None = None
    """How the samples of a recipe were judged: the fields of :class:`~ftdojo.contract.feedback.SampledRows`."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a data program wrote."""

    rows: list[Row]
    warnings: list[Finding]
    """Of a recipe: raw rows that gave none."""
    sampled: dict[str, int] | None
    """Of a recipe: how samples were judged; ``None`` if it draws none."""


def run(
    program: Recipe | str,
    raw: Path,
    trainer: Trainer[Any, Any],
    *,
    limit: int,
    limits: sandbox.Limits,
    llm: Access | None = None,
) -> Written:
    """Run a program with ``--limit limit`` and return its rows. It may call the models of ``llm``; ``trainer`` parses
    the rows.

    Raises:
        InputError: if it fails, is stopped, or writes anything other than 1 to ``limit`` valid rows (gate 2).
    """
    with tempfile.TemporaryDirectory(prefix="ftdojo-data-") as name:
        source, output = Path(name, "program"), Path(name, "output")
        source.mkdir()
        output.mkdir()
        arguments = _write(program, source)
        for path in (source, *source.rglob("*")):
            path.chmod(0o755)  # readable for the sandbox's user, whatever the caller's umask is
        options = ["--input", "/input", "--output", f"/output/{OUTPUT}", "--limit", str(limit)]
        with llm.open() if llm and asks(program) else contextlib.nullcontext() as gateway:
            completed = sandbox.run(
                [sandbox.python(), "-B", *arguments, *options],
                read_only={source: "/program", raw: "/input", **({gateway.folder: INSIDE} if gateway else {})},
                writable=(output, "/output"),
                limits=limits,
                cwd="/program",
                hide=sandbox.find_weights(),
            )
        _check_ending(completed, limits, gateway.troubles if gateway else {})
        rows = read_json_lines(sandbox.read_output(output, OUTPUT, limits.file_bytes))
    printed = _read_report(completed.output) if isinstance(program, Recipe) else {}
    reasons: dict[str, int] = printed.get("passed_over", {})
    sampled: dict[str, int] | None = printed.get(recipe_program.SAMPLED)
    parsed = parse(rows, trainer, max_rows=limit, reasons=reasons)
    warnings = [*_passed_over(reasons), *(_few_left(sampled, len(parsed)) if sampled else [])]
    return Written(parsed, warnings, sampled)


def asks(program: Recipe | str) -> bool:
    """Whether a program may ask a model."""
    return isinstance(program, str) or bool(program.asks)


def _read_report(output: str) -> dict[str, Any]:
    """Return what a recipe printed at its end."""
    line = output.rstrip().rpartition("\n")[2]  # a reason, too, may hold the mark
    report: dict[str, Any] = json.loads(line.removeprefix(recipe_program.MARK))
    return report


def _passed_over(reasons: Mapping[str, int]) -> list[Finding]:
    """Return a warning if raw rows were passed over for other reasons than that they render to nothing."""
    if not reasons.keys() - recipe_program.USUAL:
        return []
    fix = "nothing, if those rows are not needed; otherwise test for missing fields in the templates"
    return [
        Finding(
            code="rows_passed_over",
            gate=2,
            severity="warning",
            message=_describe(reasons),
            where="recipe.yaml",
            fix=fix,
        )
    ]


def _few_left(sampled: Mapping[str, int], rows: int) -> list[Finding]:
    """Return a warning if samples removed more rows than there are left."""
    if sampled["dropped"] <= rows:
        return []
    message = (
        f"samples removed {plural(sampled['dropped'], 'row')}, and {rows} are left; of {sampled['rows']} that were "
        f"asked, {sampled['mastered']} were mastered and {sampled['contradicted']} contradicted"
    )
    fix = "nothing, if the others are enough; otherwise raise 'max_rows', or keep one of the two kinds"
    return [
        Finding(code="few_rows_left", gate=2, severity="warning", message=message, where="recipe.yaml: sample", fix=fix)
    ]


def _describe(reasons: Mapping[str, int]) -> str:
    return "; ".join(f"{plural(count, 'raw row')} passed over: each {reason}" for reason, count in reasons.items())


def _write(program: Recipe | str, folder: Path) -> list[str]:
    """Write the program's files into ``folder`` and return its arguments inside the sandbox."""
    if isinstance(program, str):
        (folder / "process_data.py").write_text(program, "utf-8")
        (folder / HELPER.name).write_bytes(HELPER.read_bytes())
        return ["/program/process_data.py"]
    (folder / "recipe.json").write_text(program.model_dump_json(), "utf-8")
    if program.asks:
        (folder / HELPER.name).write_bytes(HELPER.read_bytes())
    package = Path(recipe_program.__file__).parent
    shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    return ["-m", package.name, "--recipe", "/program/recipe.json"]


_STOPPED = {
    "wall": (
        "program_timeout",
        "ran longer than {limits.wall_s:.3g} s",
        "do less work, or stop early when --limit is small",
    ),
    "memory": ("program_memory", "used more than {limits.memory_bytes} bytes of memory", "read the data in parts"),
    "cpu": (
        "program_timeout",
        "used more than {limits.cpu_s:g} s of CPU time",
        "do less work for a small --limit",
    ),
    "folder": (
        "output_too_large",
        "wrote more than {limits.folder_bytes} bytes",
        "write only the rows that are needed",
    ),
}


_TROUBLES = {
    "model_down": ("llm_down", "write the rows without this model, or try again when it is available"),
    "insufficient_quota": ("llm_budget", "make fewer LLM calls; on OutOfBudget, write the rows made so far"),
}
"""Reason why the gateway refused a call -> code and fix of the finding, if the program then failed."""


def _check_ending(completed: sandbox.Completed, limits: sandbox.Limits, troubles: Mapping[str, str]) -> None:
    if completed.stopped is not None:
        code, message, fix = _STOPPED[completed.stopped]
        raise _fault(code, f"the data program {message.format(limits=limits)} and was stopped", fix)
    if completed.status != 0:
        tail = completed.output.strip()[-1500:] or "(it printed nothing)"
        for kind, (code, fix) in _TROUBLES.items():
            if kind in troubles:
                raise _fault(
                    code, f"{troubles[kind]}; the data program ended with status {completed.status}:\n{tail}", fix
                )
        raise _fault(
            "program_failed", f"the data program ended with status {completed.status}:\n{tail}", "fix the error"
        )


def read_json_lines(content: bytes) -> list[dict[str, Any]]:
    """Return the JSON objects of a program's output, one per line; blank lines are skipped.

    Raises:
        InputError: if a line contains anything else (gate 2).
    """
    rows, faults = [], []
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            faults.append(f"line {number} is not JSON ({str(error)[:80]})")
            continue
        if isinstance(value, dict):
            rows.append(value)
        else:
            faults.append(f"line {number} is {type(value).__name__}, not an object")
    if faults:
        raise _fault("bad_json", _some(faults), "write one JSON object per line")
    return rows


def report(rows: Sequence[Row], sampled: dict[str, int] | None = None) -> DataReport:
    """Return statistics of the rows as they were written, and how their samples were judged."""
    subtasks: dict[str, list[str]] = {}
    for row in rows:
        subtasks.setdefault(row.subtask, []).append(row.completion)
    return DataReport(
        rows=len(rows),
        duplicates=len(rows) - len({row.turns for row in rows}),
        conflicting=sum(find_conflicts(rows)),
        per_subtask={name: len(completions) for name, completions in subtasks.items()},
        top_completion_share=_top_share([row.completion for row in rows]),
        top_completion_by_subtask={name: _top_share(completions) for name, completions in subtasks.items()},
        sampled=sampled,
    )


def _top_share(completions: Sequence[str]) -> float:
    """Return the share of the most frequent completion."""
    return Counter(completions).most_common(1)[0][1] / len(completions)


def find_conflicts(rows: Sequence[Row]) -> list[bool]:
    """For every row, whether another row has the same prompt and a different completion."""
    answers: dict[tuple[str, ...], set[str]] = {}
    for row in rows:
        answers.setdefault(row.turns[:-1], set()).add(row.completion)
    return [len(answers[row.turns[:-1]]) > 1 for row in rows]


def parse(
    rows: Sequence[Mapping[str, Any]],
    trainer: Trainer[Any, Any],
    *,
    max_rows: int,
    reasons: Mapping[str, int] = MappingProxyType({}),
) -> list[Row]:
    """Parse all rows with the trainer. ``reasons``: why raw rows gave none -> how many they are.

    Raises:
        InputError: if there are no rows, too many, or invalid ones (gate 2).
    """
    if not rows:
        why = f": {_describe(reasons)}" if reasons else ""
        fix = "correct the templates" if reasons else "check its filters: no raw row passed them"
        if reasons.keys() & recipe_program.OF_SAMPLES:
            fix = "keep more of the rows in 'sample'"
        raise _fault("no_rows", f"the data program wrote no rows{why}", fix)
    if len(rows) > max_rows:
        raise _fault(
            "too_many_rows", f"{plural(len(rows), 'row')}, but --limit was {max_rows}", "write at most --limit rows"
        )
    parsed, faults = [], []
    for number, row in enumerate(rows, start=1):
        try:
            parsed.append(trainer.parse_row(row))
        except ValueError as error:
            faults.append(f"row {number}: {error}")
    if faults:
        raise _fault("bad_row", _some(faults), trainer.row_help)
    return parsed


def _some(faults: list[str]) -> str:
    shown = "; ".join(faults[:MAX_FAULTY_ROWS_SHOWN])
    rest = len(faults) - MAX_FAULTY_ROWS_SHOWN
    return f"{shown}; and {rest} more" if rest > 0 else shown


def _fault(code: str, message: str, fix: str) -> InputError:
    return InputError([Finding(code=code, gate=2, message=message, where="data program", fix=fix)])
