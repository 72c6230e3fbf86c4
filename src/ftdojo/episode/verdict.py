"""Run only the gates, and time each: a check for agents and users before they spend a submission."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ftdojo.contract import submission
from ftdojo.contract.budget import Budget, Spent
from ftdojo.contract.call import Call
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Progress, Silent
from ftdojo.episode.setting import Setting
from ftdojo.episode.teachers import admit_teachers
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.gates.sequence import GATES
from ftdojo.gateway import Access, DataLlm
from ftdojo.record import Home
from ftdojo.schema import StrictModel
from ftdojo.training import trainer_of


class Verdict(StrictModel):
    """The output of ``ftdojo validate --json``; a stable format."""

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
    """Run all gates on the submission in ``folder``. There is no full training, and nothing is recorded.

    Its data program may call the language models of ``data_llm``, or else those that the options name, within the token
    and cost limits of the options.
    """
    shown = progress or Silent()
    data_llm = data_llm or DataLlm.from_options(options)
    setting = Setting.prepare(options, home=home, progress=shown)
    data_llm = admit_teachers(setting, data_llm)
    seconds: dict[str, float] = {}
    log = _Calls(replace(options.budget, wall_s=None))
    llm = None
    if data_llm:
        llm = Access(llm=data_llm, task=options.task, variant=setting.variant, home=home, log=log, progress=shown)

    @contextmanager
    def watch(number: int, name: str) -> Iterator[None]:
        shown.update("gates", number, GATES, name)
        begun = time.monotonic()
        try:
            yield
        finally:
            seconds[str(number)] = time.monotonic() - begun

    gates = replace(setting.gates(llm), watch=watch)
    rules = setting.task.spec.rules
    warnings: list[Finding] = []
    try:
        warnings += setting.check_limits()
        admitted, found = gates.admit(submission.read(folder))
        warnings += found
        made = gates.make_rows(admitted.program, rules.max_rows, trainer_of(admitted.train))
        warnings += made.warnings
        tokenized, found = gates.check_tokens(made.written, admitted.train)
        warnings += found
        warnings += gates.try_training(made.written, tokenized, admitted.train, wall_left_s=rules.wall_s)
    except InputError as error:
        findings = [*error.findings, *warnings]
        return Verdict(ok=False, gate=error.findings[0].gate, findings=findings, seconds=seconds)
    return Verdict(ok=True, gate=None, findings=warnings, seconds=seconds)


class _Calls:
    """Calls of a data program that belongs to no run: charged to a budget, but not recorded."""

    def __init__(self, budget: Budget) -> None:
        self._budget, self._spent = budget, Spent()

    def append(self, call: Call) -> None:
        self._spent += call.charge

    def remaining(self) -> dict[str, float]:
        return self._budget.remaining(self._spent)
