"""The gates alone, with the time that each took: what an agent or a user asks before spending a submission."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ftdojo import gates, inference, models, sandbox, tasks
from ftdojo.contract import submission
from ftdojo.contract.budget import Budget, Spent
from ftdojo.contract.call import Call
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Progress, Silent
from ftdojo.data import prepare
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.gates import data_program
from ftdojo.gateway.access import Access, DataLlm
from ftdojo.record import Home
from ftdojo.schema import StrictModel


class Verdict(StrictModel):
    """What ``ftdojo validate --json`` prints; a stable format."""

    ok: bool
    gate: int | None
    """The gate that failed."""
    findings: list[Finding]
    """Errors of that gate first, then warnings; a submission that passes may have warnings."""
    seconds: dict[str, float]
    """Gate -> seconds."""


def validate(
    folder: Path,
    options: RunOptions,
    *,
    home: Home,
    data_llm: DataLlm | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Take the submission in ``folder`` through all gates; nothing is trained to the end and nothing is recorded.

    Its data program may ask the language models of ``data_llm``, or else those that the options name, within the token
    and cost limits of the options.
    """
    shown = progress or Silent()
    task, data_llm = options.task, data_llm or DataLlm.of(options)
    inference.identity(options.engine)
    name, found = tasks.get(task, runner=sandbox.run_user_code).variant(options.variant)
    data = prepare(found, name, home)
    base = models.resolve(options.model, home.root)
    seconds: dict[str, float] = {}
    log = _Calls(replace(options.budget, wall_s=None))
    llm = Access(llm=data_llm, task=task, variant=name, home=home, log=log, progress=shown) if data_llm else None

    @contextmanager
    def gate(number: int, what: str) -> Iterator[None]:
        shown.update("gates", number, 6, what)
        begun = time.monotonic()
        try:
            yield
        finally:
            seconds[str(number)] = time.monotonic() - begun

    warnings: list[Finding] = []
    spec, limit = found.spec, found.spec.rules.max_rows
    try:
        with gate(0, "schema"):
            loaded = submission.load(folder)
        with gate(1, "static checks"):
            warnings += gates.static(loaded, spec, base, data.raw)
        with gate(2, "data program in the sandbox"):
            gates.data_trial(loaded.program, data.raw, llm)
            limits = llm.limits() if llm else sandbox.Limits()
            written = data_program.run(loaded.program, data.raw, limit=limit, limits=limits, llm=llm)
            clean, _ = data_program.check(written, data.overlap, max_rows=limit)
            rows = clean.rows  # nothing is told of evaluation items among them: asking here costs nothing
            reference = gates.Reference.of(found, data.validation)
            warnings += gates.content(rows, reference)
        with gate(3, "tokenization"):
            tokenized, told = gates.tokenization(rows, loaded.train, base, reference)
            warnings += told
        with tempfile.TemporaryDirectory(prefix="ftdojo-micro-") as scratch:
            with gate(4, "micro-training"):
                trial = gates.micro_training(
                    rows, tokenized, loaded.train, base, reference, wall_left_s=spec.rules.wall_s, folder=Path(scratch)
                )
            with gate(5, "micro-evaluation"):
                warnings += gates.micro_evaluation(trial, base, options.engine)
    except InputError as error:
        found_now = [*error.findings, *warnings]
        return Verdict(ok=False, gate=error.findings[0].gate, findings=found_now, seconds=seconds)
    return Verdict(ok=True, gate=None, findings=warnings, seconds=seconds)


class _Calls:
    """Calls of a data program that belongs to no run: charged to a budget, recorded nowhere."""

    def __init__(self, budget: Budget) -> None:
        self._budget, self._spent = budget, Spent()

    def append(self, call: Call) -> None:
        self._spent += call.charge

    def remaining(self) -> dict[str, float]:
        return self._budget.remaining(self._spent)
