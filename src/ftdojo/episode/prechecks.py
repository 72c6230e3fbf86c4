"""Free checks of submissions: what the first gates find. Recorded and limited, because answers that cost nothing could
add up to a search for the evaluation items."""

from __future__ import annotations

from pathlib import Path

from ftdojo import digest
from ftdojo.episode.stages import Stages
from ftdojo.errors import UsageError
from ftdojo.findings import Finding
from ftdojo.record import events
from ftdojo.record.history import History


def precheck(submission: Path, stages: Stages, history: History, limit: int) -> list[Finding]:
    """Return the findings of gates 0 to 3 on a submission, and record the check if it is the first of these files.

    Raises:
        UsageError: if ``limit`` is reached. Files that were checked before may always be checked again.
    """
    identity, made = digest.of_folder(submission), history.prechecks
    known = any(check.submission == identity for check in made)
    if not known and len(made) >= limit:
        raise UsageError(f"all {limit} free checks of this run are used up", fix="submit, or finish")
    outcome = stages.precheck(submission)
    if not known:
        codes = [finding.code for finding in outcome.findings]
        history.append(events.SubmissionPrechecked(submission=identity, codes=codes, overlap=outcome.overlap))
    return outcome.findings
