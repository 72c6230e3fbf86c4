"""What an audit says: every check with its answer, and what ties the audit to the run that it was made of."""

from __future__ import annotations

from typing import Literal

from ftdojo.schema import StrictModel

Status = Literal["ok", "failed", "unchecked"]


class Check(StrictModel):
    """One question to a run, and the answer."""

    name: str
    status: Status
    message: str
    """What holds, what is wrong and where, or why it could not be asked here."""


class Audit(StrictModel):
    """What ``ftdojo verify --json`` prints; a stable format."""

    run: str
    ok: bool
    """Whether no check failed. What could not be checked counts as neither."""
    checks: list[Check]
    ledger: str
    """The last link of the ledger before the result was written."""
    result_digest: str
    """Digest of the bytes of ``result.json``; empty if there is none."""
    ftdojo: str
    """The version that did the audit."""
