"""How a gate ends: with warnings, or by raising all that it found."""

from __future__ import annotations

from collections.abc import Iterable

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


def dump_findings(findings: Iterable[Finding]) -> list[dict[str, str | int]]:
    """Findings as JSON values, for the facts of a stage."""
    return [finding.model_dump(mode="json") for finding in findings]
