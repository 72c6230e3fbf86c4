"""The gates: checks in order of their cost. The first that fails ends the submission with typed findings.

0 schema (:mod:`ftdojo.dojo.submission`), 1 static, 2 data trial (rows in :mod:`ftdojo.dojo.data_program`),
3 tokenization, 4 micro-training.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Sequence
from pathlib import Path

from ftdojo import models, sandbox
from ftdojo.dojo import data_program
from ftdojo.dojo.recipe import Recipe
from ftdojo.dojo.submission import RECIPE, SCRIPT, TRAIN, Submission
from ftdojo.errors import InputError
from ftdojo.findings import Finding, Severity
from ftdojo.rawdata import TaskData
from ftdojo.tasks.spec import Record, TaskSpec
from ftdojo.training import Tokenized, TrainConfig, estimate, parse_row, tokenize
from ftdojo.training.tokens import Example, shortened

TRIAL_ROWS = 32
TRIAL_LIMITS = sandbox.Limits(wall_s=120)
TRUNCATED_TOO_MANY = 0.5
SAFETY = 1.1
"""A forecast is multiplied by this before it is held against a limit."""


def static(submission: Submission, spec: TaskSpec, base: Path, raw: Path) -> None:
    """Gate 1: everything that can be known without running anything.

    Raises:
        InputError: with all findings of the gate.
    """
    found = [*_program(submission, spec, raw), *_train(submission, spec, base)]
    if found:
        raise InputError(found)


def _program(submission: Submission, spec: TaskSpec, raw: Path) -> list[Finding]:
    program = submission.program
    if isinstance(program, Recipe):
        return _recipe(program, spec, raw)
    try:
        ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        where = f"{SCRIPT}: line {line}" if line else SCRIPT
        return [_finding(1, "syntax_error", f"does not parse: {error}", where, "correct the syntax")]
    return []


def _recipe(recipe: Recipe, spec: TaskSpec, raw: Path) -> list[Finding]:
    found = []
    have = sorted(p.relative_to(raw).as_posix() for p in raw.rglob("*") if p.is_file())
    for number, source in enumerate(recipe.sources):
        if source.path not in have:
            nearest = difflib.get_close_matches(source.path, have, n=1, cutoff=0.4)
            fix = f"did you mean '{nearest[0]}'?" if nearest else f"raw files: {', '.join(have[:10])}"
            where = f"{RECIPE}: sources.{number}.path"
            found.append(_finding(1, "missing_source", f"no raw file '{source.path}'", where, fix))
    if recipe.max_rows > spec.rules.max_rows:
        message = f"{recipe.max_rows} rows, the task allows {spec.rules.max_rows}"
        found.append(_finding(1, "too_many_rows", message, f"{RECIPE}: max_rows", f"at most {spec.rules.max_rows}"))
    return found


def _train(submission: Submission, spec: TaskSpec, base: Path) -> list[Finding]:
    config, info = submission.train, models.describe(base)
    found = []
    if config.method not in spec.rules.methods:
        allowed = ", ".join(spec.rules.methods)
        message = f"the task does not allow '{config.method}'"
        found.append(_finding(1, "method_not_allowed", message, f"{TRAIN}: method", f"choose one of: {allowed}"))
    if config.max_length > info.context_length:
        message = f"{config.max_length} tokens, the model's context has {info.context_length}"
        fix = f"at most {info.context_length}"
        found.append(_finding(1, "max_length_over_context", message, f"{TRAIN}: max_length", fix))
    return [*found, *_memory(1, config, info)]


def _memory(gate: int, config: TrainConfig, info: models.ModelInfo, examples: Sequence[Example] = ()) -> list[Finding]:
    """Whether the estimated peak of memory fits into what is free, and if not, what would; before rows are known, of
    the part that does not depend on them."""
    compute = models.compute()

    def needed(changed: TrainConfig) -> float:
        rows = shortened(examples, changed.max_length)
        return estimate.peak(rows, info, changed, compute) if rows else estimate.memory(info, changed, compute)

    needs, available = needed(config), estimate.available_memory(compute) / SAFETY
    if needs <= available:
        return []
    message = f"needs about {needs / 2**30:.1f} GiB, {available / 2**30:.1f} GiB may be used"
    fits = estimate.largest(config, needed, available)
    if fits is None:
        return [_finding(gate, "out_of_memory", message, TRAIN, "choose a smaller model: no training of this one fits")]
    before, after = config.model_dump(), fits.model_dump()
    changes = ", ".join(f"{key}: {after[key]}" for key in after if after[key] != before[key])
    fix = f"{changes} (about {needed(fits) / 2**30:.1f} GiB)"
    return [_finding(gate, "out_of_memory", message, TRAIN, fix)]


def data_trial(program: Recipe | str, data: TaskData) -> None:
    """Gate 2: a small real run of the data program; every row of it is checked.

    Raises:
        InputError: if it fails or writes faulty rows.
    """
    rows = data_program.run(program, data.raw, limit=TRIAL_ROWS, limits=TRIAL_LIMITS)
    data_program.check(rows, data.overlap, max_rows=TRIAL_ROWS)


def tokenization(rows: Sequence[Record], config: TrainConfig, base: Path) -> Tokenized:
    """Gate 3: all rows through the model's own chat template.

    Raises:
        InputError: if nothing is left to learn, most rows would lose their end, or the longest do not fit into memory.
    """
    parsed = [parse_row({key: value for key, value in row.items() if key != "subtask"}) for row in rows]
    tokenized = tokenize(parsed, base, max_length=config.max_length)
    counted, where = tokenized.statistics, f"{TRAIN}: max_length"
    if not tokenized.examples:
        message = f"no row has a completion within {config.max_length} tokens"
        fix = f"raise max_length to about {counted.row_p95}"
        raise InputError([_finding(3, "no_labels", message, where, fix)])
    if counted.truncated > TRUNCATED_TOO_MANY * counted.rows:
        message = f"{counted.truncated} of {counted.rows} rows are longer than {config.max_length} tokens"
        fix = f"raise max_length to about {counted.row_p95}, or shorten the rows"
        raise InputError([_finding(3, "mostly_truncated", message, where, fix)])
    if found := _memory(3, config, models.describe(base), tokenized.examples):
        raise InputError(found)
    return tokenized


def micro_training(tokenized: Tokenized, config: TrainConfig, base: Path, wall_left_s: float | None) -> None:
    """Gate 4: a few real steps, from which the time of the whole training is forecast.

    Raises:
        InputError: if the loss is lost, or the training would outlast the budget (``over_budget``).
    """
    from ftdojo.training.trial import forecast

    forecast_s = SAFETY * forecast(tokenized.examples, config, base).seconds
    if wall_left_s is not None and forecast_s > wall_left_s:
        message = f"the training would take about {forecast_s:.0f} s, {wall_left_s:.0f} s of the budget are left"
        fix = f"epochs: {config.epochs * wall_left_s / forecast_s:.2f} or fewer, or fewer rows"
        raise InputError([_finding(4, "over_budget", message, f"{TRAIN}: epochs", fix)])


def _finding(gate: int, code: str, message: str, where: str, fix: str, severity: Severity = "error") -> Finding:
    return Finding(code=code, gate=gate, severity=severity, message=message, where=where, fix=fix)
