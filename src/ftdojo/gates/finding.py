"""The end of a gate: it returns its warnings, or raises all its findings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from ftdojo.errors import InputError
from ftdojo.findings import Finding


def settle(findings: Iterable[Finding]) -> list[Finding]:
    """Return the warnings of a gate that passes.

    Raises:
        InputError: with all findings, errors first, if one of them is an error.
    """
    found = sorted(findings, key=lambda finding: finding.severity)  # "error" sorts before "warning"
    if found and found[0].severity == "error":
        raise InputError(found)
    return found


def number_findings(findings: Iterable[Finding], gate: int) -> list[Finding]:
    """Return copies of the findings with the number of the gate that found them."""
    return [finding.model_copy(update={"gate": gate}) for finding in findings]


@contextlib.contextmanager
def at_gate(gate: int) -> Iterator[None]:
    """Add the gate number to the findings of any ``InputError`` raised within the context."""
    try:
        yield
    except InputError as error:
        raise InputError(number_findings(error.findings, gate)) from error


def dump_findings(findings: Iterable[Finding]) -> list[dict[str, str | int]]:
    """Return findings as JSON values, for the facts of a stage."""
    return [finding.model_dump(mode="json") for finding in findings]
