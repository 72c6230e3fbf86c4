"""How a gate ends: with warnings, or by raising all that it found."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from ftdojo.errors import InputError
from ftdojo.findings import Finding


def settle(findings: Iterable[Finding]) -> list[Finding]:
    """The warnings of a gate that passes.

    Raises:
        InputError: with all findings, errors first, if one of them is an error.
    """
    found = sorted(findings, key=lambda finding: finding.severity)  # "error" sorts before "warning"
    if found and found[0].severity == "error":
        raise InputError(found)
    return found


def number_findings(findings: Iterable[Finding], gate: int) -> list[Finding]:
    """The findings with the number of the gate in which they were found."""
    return [finding.model_copy(update={"gate": gate}) for finding in findings]


@contextlib.contextmanager
def at_gate(gate: int) -> Iterator[None]:
    """Give the findings of an ``InputError`` that is raised within the context the number of the gate."""
    try:
        yield
    except InputError as error:
        raise InputError(number_findings(error.findings, gate)) from error


def dump_findings(findings: Iterable[Finding]) -> list[dict[str, str | int]]:
    """Findings as JSON values, for the facts of a stage."""
    return [finding.model_dump(mode="json") for finding in findings]
