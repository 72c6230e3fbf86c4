"""Every error that ftdojo raises on purpose, and the policy for raising one.

    FtdojoError
    ├── UsageError            exit 2   the command line names something that does not exist
    ├── InputError            exit 1   a file that the user (or an agent) wrote is wrong; carries findings
    └── InfrastructureError   exit 3   the machine failed: disk, process, network, library
        ├── PrerequisiteError exit 3   something has to be installed or switched on first
        └── LlmError          exit 3   a language model that serves the run gave no usable answer

Policy. Raise the class that says *who can fix it*: the caller of the command, the author of the file, the owner of
the machine. The message says what and where; ``fix`` says what to do next. The command line
prints both without a traceback; anything that is not an ``FtdojoError`` is a defect of ftdojo and keeps its traceback.
Only infrastructure errors may be retried. A foreign exception is translated once, at the boundary where it enters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ftdojo.findings import Finding


class FtdojoError(Exception):
    """Base of all errors that are printed without a traceback."""

    exit_status: ClassVar[int] = 3

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message}\nfix: {self.fix}" if self.fix else self.message


class UsageError(FtdojoError):
    """The command line (or an API call) names a task, model, planner or file that does not exist."""

    exit_status: ClassVar[int] = 2


class InputError(FtdojoError):
    """A file has faulty content. ``findings`` lists every fault, not only the first."""

    exit_status: ClassVar[int] = 1

    def __init__(self, findings: Sequence[Finding]) -> None:
        if not findings:
            raise ValueError("an InputError needs at least one finding")
        super().__init__("\n".join(f"{f.where}: {f.message}" for f in findings), fix=findings[0].fix)
        self.findings = tuple(findings)


class InfrastructureError(FtdojoError):
    """The machine failed, not the submission. The same step may succeed when it is repeated."""


class PrerequisiteError(InfrastructureError):
    """Something that ftdojo needs is not installed or not permitted on this machine."""


LlmTrouble = Literal["down", "denied", "off_schema", "out_of_budget"]


class LlmError(InfrastructureError):
    """A language model that serves the run did not give a usable answer after all attempts."""

    def __init__(self, trouble: LlmTrouble, message: str) -> None:
        super().__init__(message, fix="see the calls in the run's report; another model may do better")
        self.trouble = trouble
