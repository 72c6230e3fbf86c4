"""The order of the gates, in one place: all code that runs, checks or validates a submission uses this module.

0 schema (:mod:`ftdojo.contract.submission`); 1 :mod:`static <ftdojo.gates.static>`; 2 the data program: a :mod:`trial
<ftdojo.gates.trial>`, then all rows, then their :mod:`content <ftdojo.gates.content>`; 3 :mod:`tokens
<ftdojo.gates.tokens>`; 4 and 5 :mod:`micro <ftdojo.gates.micro>`: a few real steps, then a few real answers.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftdojo import sandbox
from ftdojo.contract.method_config import MethodConfig
from ftdojo.contract.recipe import Recipe
from ftdojo.contract.row import Row
from ftdojo.contract.submission import Reading, Submission
from ftdojo.data import TaskData
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.gates import data_program
from ftdojo.gates.content import Rows, check_content
from ftdojo.gates.decontamination import decontaminate
from ftdojo.gates.micro import micro_evaluation, micro_training
from ftdojo.gates.reference import Reference
from ftdojo.gates.start import Starts
from ftdojo.gates.static import Static, check_static
from ftdojo.gates.tokens import check_tokens
from ftdojo.gates.trial import try_program
from ftdojo.gateway import Access
from ftdojo.inference import TRANSFORMERS
from ftdojo.llm import Transport
from ftdojo.models.resident import Resident
from ftdojo.tasks.spec import Task
from ftdojo.training import Grading, Scores, Tokenized, TokenizedRow, Trainer, trainer_of

GATES = 6

Watch = Callable[[int, str], AbstractContextManager[None]]
"""Called with the number and the name of each gate; the gate runs inside the context."""


def _unwatched(_gate: int, _name: str) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Result of a data program (gate 2)."""

    written: list[Row]
    """The rows as they were written. Everything that a submitter sees is computed from these."""
    clean: list[Row]
    """The rows to train on: in those that contain an evaluation item the words are shuffled."""
    overlap: int
    """Number of rows that contain an evaluation item. Only for the record, never shown to a submitter."""
    report: data_program.DataReport
    warnings: list[Finding]


class RejectedRowsError(InputError):
    """Rows that gate 2 rejects, with the number of those that contain an evaluation item, which only the record has."""

    def __init__(self, findings: Sequence[Finding], overlap: int) -> None:
        super().__init__(findings)
        self.overlap = overlap


@dataclass(frozen=True, kw_only=True)
class Gates:
    """The gates of one task on one base model. Call the methods in the order of their definition. Each raises an
    ``InputError`` with the findings of the gate that fails, and returns the warnings of the gates that pass."""

    task: Task
    data: TaskData
    base: Path
    judge: Callable[[], AbstractContextManager[Scores]]
    """Starts the task's scorer for methods that learn from it: in a process of its own, as rows may be hostile."""
    engine: str = TRANSFORMERS
    """Name of the inference engine for gate 5."""
    llm: Access | None = None
    """Access to the language models that data programs may call, if any."""
    watch: Watch = _unwatched
    resident: Resident | None = None
    """Lends the network of the base model; by default every use loads it."""

    def trainer(self, config: MethodConfig) -> Trainer[Any, Any]:
        """Return the trainer of a configuration, bound to the task."""
        return trainer_of(config, Grading(self.task, self.judge))

    def admit(self, reading: Reading, starts: Starts | None = None) -> tuple[Submission, list[Finding]]:
        """Run gates 0 and 1: parse the files and run the static checks.

        ``starts`` are the iterations from which its training may start; ``None`` outside of a run.
        """
        with self.watch(0, "schema"):
            submission = reading.require()
        with self.watch(1, "static checks"):
            static = Static(submission, self.task.spec, self.base, self.data.raw, starts, self.pools)
            return submission, check_static(static)

    @property
    def pools(self) -> list[str]:
        """The models that a recipe may ask."""
        return self.llm.pools if self.llm else []

    def make_rows(
        self,
        program: Recipe | str,
        limit: int,
        trainer: Trainer[Any, Any],
        *,
        start: Transport | None = None,
        left_s: Callable[[], float | None] = lambda: None,
    ) -> Made:
        """Run gate 2: the data program in the sandbox, first for a few rows and then for at most ``limit``.

        ``start`` is the model from which the training starts, unless that is the base model: a recipe may ask it.
        ``left_s`` returns the seconds that the program may take from now on; ``None`` for no other limit than its own.

        Raises:
            RejectedRowsError: if the rows have faults.
        """
        llm = self.llm.with_start(start) if self.llm and isinstance(program, Recipe) else self.llm
        with self.watch(2, "data program in the sandbox"):
            try_program(program, self.data.raw, trainer, llm, wall_left_s=left_s())
            limits = llm.limits() if llm and data_program.asks(program) else sandbox.Limits().within(left_s())
            written = data_program.run(program, self.data.raw, trainer, limit=limit, limits=limits, llm=llm)
            clean = decontaminate(written.rows, self.data.overlap)
            try:
                warnings = check_content(Rows(written.rows, self.reference), trainer)
            except InputError as error:
                raise RejectedRowsError(error.findings, clean.found) from None
            return Made(
                written=written.rows,
                clean=clean.rows,
                overlap=clean.found,
                report=data_program.report(written.rows, written.sampled),
                warnings=[*written.warnings, *warnings],
            )

    def check_tokens(self, rows: list[Row], config: MethodConfig) -> tuple[Tokenized[TokenizedRow], list[Finding]]:
        """Run gate 3: render the rows with the model's chat template, and check how much is left to learn."""
        with self.watch(3, "tokenization"):
            return check_tokens(Rows(rows, self.reference), self.trainer(config), config, self.base)

    def try_training(
        self,
        rows: list[Row],
        tokenized: Tokenized[TokenizedRow],
        config: MethodConfig,
        *,
        wall_left_s: float | None,
        start: Path | None = None,
    ) -> list[Finding]:
        """Run gates 4 and 5: train for a few steps, then generate a few answers with the trained model.

        ``start`` is the folder of trained weights from which the training starts, unless that is the base model.
        """
        with tempfile.TemporaryDirectory(prefix="ftdojo-micro-") as scratch:
            with self.watch(4, "micro-training"):
                trial = micro_training(
                    Rows(rows, self.reference),
                    self.trainer(config),
                    tokenized,
                    config,
                    self.base,
                    wall_left_s=wall_left_s,
                    folder=Path(scratch),
                    start=start,
                    resident=self.resident,
                )
            with self.watch(5, "micro-evaluation"):
                return [*trial.warnings, *micro_evaluation(trial, self.base, self.engine, self.resident)]

    @functools.cached_property
    def reference(self) -> Reference:
        """The task's validation items, with which rows are compared."""
        return Reference.from_file(self.task, self.data.validation)
