"""The result of an audit: every check with its status, and the digests that tie the audit to its run."""

from __future__ import annotations

from typing import Literal

from ftdojo.schema import StrictModel

Status = Literal["ok", "failed", "unchecked"]


class Check(StrictModel):
    """One check of a run, and its result."""

    name: str
    status: Status
    message: str
    """The confirmed claim, the fault and its place, or the reason why it could not be checked here."""


class Audit(StrictModel):
    """The output of ``ftdojo verify --json``; a stable format."""

    run: str
    ok: bool
    """Whether no check failed. Unchecked ones do not count as failed."""
    checks: list[Check]
    ledger: str
    """The last link of the ledger before the result was written."""
    result_digest: str
    """Digest of the bytes of ``result.json``; empty if there is none."""
    ftdojo: str
    """The version of ftdojo that made the audit."""
