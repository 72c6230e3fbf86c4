"""Run a submission's data program in the sandbox and check every row that it writes."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftdojo import sandbox
from ftdojo.contract import recipe_program
from ftdojo.contract.recipe import Recipe
from ftdojo.contract.row import SURROGATE, Row, parse_row
from ftdojo.data import OverlapIndex
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.gates.decontamination import Decontaminated, decontaminate
from ftdojo.gateway.access import Access
from ftdojo.gateway.server import HELPER, INSIDE

OUTPUT = "rows.jsonl"
MAX_FAULTY_ROWS_SHOWN = 5
MAX_SUBTASK_CHARS = 100


@dataclass(frozen=True, slots=True)
class DataReport:
    """What was found in the rows of a data program."""

    rows: int
    removed_overlap: int
    duplicates: int
    conflicting: int
    """Rows whose prompt occurs with another completion too."""
    per_subtask: dict[str, int]
    top_completion_share: float
    top_completion_by_subtask: dict[str, float]
    """The share of the most frequent completion among the rows of every sub-task."""


def run(
    program: Recipe | str, raw: Path, *, limit: int, limits: sandbox.Limits, llm: Access | None = None
) -> list[dict[str, Any]]:
    """The rows that a program writes for ``--limit limit``; a script may ask the models of ``llm``.

    Raises:
        InputError: if it fails, is stopped, or writes something else than JSON lines (gate 2).
    """
    with tempfile.TemporaryDirectory(prefix="ftdojo-data-") as name:
        source, output = Path(name, "program"), Path(name, "output")
        source.mkdir()
        output.mkdir()
        arguments = _write(program, source)
        for path in (source, *source.iterdir()):
            path.chmod(0o755)  # readable for the sandbox's user, whatever the caller's umask is
        options = ["--input", "/input", "--output", f"/output/{OUTPUT}", "--limit", str(limit)]
        with llm.open() if llm and isinstance(program, str) else contextlib.nullcontext() as gateway:
            completed = sandbox.run(
                [sandbox.python(), "-B", *arguments, *options],
                read_only={source: "/program", raw: "/input", **({gateway.folder: INSIDE} if gateway else {})},
                writable=(output, "/output"),
                limits=limits,
                cwd="/program",
            )
        _check_ending(completed, limits, gateway.troubles if gateway else {})
        return _parse(sandbox.read_output(output, OUTPUT, limits.file_bytes))


def _write(program: Recipe | str, folder: Path) -> list[str]:
    """Put the program's files into ``folder``; its arguments inside the sandbox."""
    if isinstance(program, str):
        (folder / "process_data.py").write_text(program, "utf-8")
        (folder / HELPER.name).write_bytes(HELPER.read_bytes())
        return ["/program/process_data.py"]
    (folder / "recipe.json").write_text(program.model_dump_json(), "utf-8")
    (folder / "recipe_program.py").write_bytes(Path(recipe_program.__file__).read_bytes())
    return ["/program/recipe_program.py", "--recipe", "/program/recipe.json"]


_STOPPED = {
    "wall": (
        "program_timeout",
        "ran longer than {limits.wall_s:g} s",
        "do less work, or stop early when --limit is small",
    ),
    "memory": ("program_memory", "used more than {limits.memory_bytes} bytes of memory", "read the data in parts"),
    "cpu": (
        "program_timeout",
        "used more than {limits.cpu_s:g} s of processor time",
        "do less work for a small --limit",
    ),
    "folder": (
        "output_too_large",
        "wrote more than {limits.folder_bytes} bytes",
        "write only the rows that are needed",
    ),
}


_TROUBLES = {
    "model_down": ("llm_down", "make the rows without this model, or try again when it answers"),
    "insufficient_quota": ("llm_budget", "ask less, and end with the rows that are there when OutOfBudget is raised"),
}
"""What a gateway refused -> the finding, if the program could not do without."""


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
            "program_failed", f"the data program ended with status {completed.status}:\n{tail}", "mend the error"
        )


def _parse(content: bytes) -> list[dict[str, Any]]:
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
        raise _fault("bad_json", _some(faults), "write one JSON object a line")
    return rows


def check(rows: Sequence[dict[str, Any]], index: OverlapIndex, *, max_rows: int) -> tuple[Decontaminated, DataReport]:
    """All rows checked for their form, and freed from evaluation items.

    Raises:
        InputError: for no rows, too many, or faulty ones (gate 2).
    """
    parsed = check_form(rows, max_rows=max_rows)
    clean = decontaminate(rows, parsed, index)
    subtasks = [str(row.get("subtask", "")) for row in rows]
    report = DataReport(
        rows=len(rows),
        removed_overlap=clean.told,
        duplicates=len(parsed) - len({row.turns for row in parsed}),
        conflicting=sum(conflicting(parsed)),
        per_subtask=dict(Counter(subtasks)),
        top_completion_share=_top_share([row.completion for row in parsed]),
        top_completion_by_subtask={
            name: _top_share([row.completion for row, of in zip(parsed, subtasks, strict=True) if of == name])
            for name in dict.fromkeys(subtasks)
        },
    )
    return clean, report


def _top_share(completions: Sequence[str]) -> float:
    """The share of the most frequent one."""
    return Counter(completions).most_common(1)[0][1] / len(completions)


def conflicting(rows: Sequence[Row]) -> list[bool]:
    """Whether other rows answer the same prompt differently, for every row."""
    answers: dict[tuple[str, ...], set[str]] = {}
    for row in rows:
        answers.setdefault(row.turns[:-1], set()).add(row.completion)
    return [len(answers[row.turns[:-1]]) > 1 for row in rows]


def check_form(rows: Sequence[dict[str, Any]], *, max_rows: int) -> list[Row]:
    """The training pairs of all rows.

    Raises:
        InputError: for no rows, too many, or faulty ones (gate 2).
    """
    if not rows:
        raise _fault("no_rows", "the data program wrote no rows", "check its filters: none of the raw rows passed")
    if len(rows) > max_rows:
        raise _fault("too_many_rows", f"{len(rows)} rows, at most {max_rows} were asked for", "obey --limit")
    return _parse_rows(rows)


def _parse_rows(rows: Sequence[dict[str, Any]]) -> list[Row]:
    parsed, faults = [], []
    for number, row in enumerate(rows, start=1):
        try:
            _check_subtask(row.get("subtask", ""))
            parsed.append(parse_row({key: value for key, value in row.items() if key != "subtask"}))
        except ValueError as error:
            faults.append(f"row {number}: {error}")
    if faults:
        raise _fault("bad_row", _some(faults), "write prompt/completion, instruction/input/output or messages")
    return parsed


def _check_subtask(name: Any) -> None:
    """It is counted by name, and the counts are recorded, shown and given to agents."""
    if not isinstance(name, str) or len(name) > MAX_SUBTASK_CHARS or SURROGATE.search(name):
        raise ValueError(f"'subtask' must be text of at most {MAX_SUBTASK_CHARS} characters")


def _some(faults: list[str]) -> str:
    shown = "; ".join(faults[:MAX_FAULTY_ROWS_SHOWN])
    rest = len(faults) - MAX_FAULTY_ROWS_SHOWN
    return f"{shown}; and {rest} more" if rest > 0 else shown


def _fault(code: str, message: str, fix: str) -> InputError:
    return InputError([Finding(code=code, gate=2, message=message, where="data program", fix=fix)])
