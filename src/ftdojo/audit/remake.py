"""The check that makes the training rows of the best model again: where each of its rows comes from.

A row has no mark that says which raw row or which reply of a language model it was made of, and a program may reword
both. What can be shown is that the recorded program, given the task's raw data and the recorded calls alone, makes
these rows and no others.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftdojo import digest
from ftdojo.audit.evidence import Evidence, Unchecked
from ftdojo.contract import submission
from ftdojo.contract.call import START, Call, own_model
from ftdojo.contract.progress import Progress
from ftdojo.contract.submission import Submission
from ftdojo.data.overlap import VERSION as OVERLAP_VERSION
from ftdojo.episode.rows import ROWS, WRITTEN, write_rows
from ftdojo.gates import Gates
from ftdojo.gateway import Access, DataLlm
from ftdojo.llm import Lookup, Transport
from ftdojo.record import Home
from ftdojo.training import rows_key, trainer_of


def remake(evidence: Evidence, progress: Progress) -> list[str]:
    """The rows of the best model are what its program makes of the raw data and the recorded calls.

    The program runs in the sandbox, twice if its rows are others: a program that draws at random cannot be checked.
    """
    if not evidence.history.best:
        raise Unchecked("the best is the base model, which has no rows")
    return remake_rows(evidence, evidence.history.best, progress)


def remake_rows(evidence: Evidence, number: int, progress: Progress) -> list[str]:
    """Make the rows of iteration ``number`` again; return how they differ from those that were trained on.

    Raises:
        Unchecked: if its stage or its submission is not the recorded one, or its rows are others each time.
    """
    made, iteration = evidence.made[number], evidence.iterations[number - 1]
    manifest = evidence.manifest(made, "data")
    if evidence.stage_faults(made, "data"):
        raise Unchecked(f"{made.label}: its stage 'data' is not the recorded one: see 'stages'")
    if evidence.changed(iteration):
        raise Unchecked(f"the submission of {made.label} is not the recorded one: see 'submissions'")
    submitted, key = submission.read(evidence.submission(number)).require(), manifest["key"]
    program = submitted.program if isinstance(submitted.program, str) else submitted.program.key
    if key["program"] != program:
        return [f"{made.label}: its rows were made by another program than the one that was submitted"]
    form = {"overlap": OVERLAP_VERSION, **rows_key(trainer_of(submitted.train, evidence.grading))}
    if any(key.get(name) != value for name, value in form.items()):
        raise Unchecked("another version of ftdojo made the rows, and treats evaluation items among them otherwise")
    recorded = {name: file["digest"] for name, file in manifest["files"].items() if name in (ROWS, WRITTEN)}
    first = _make(evidence, submitted, key, progress)
    if first == recorded:
        return []
    if _make(evidence, submitted, key, progress) != first:
        raise Unchecked(f"the program of {made.label} makes other rows each time")
    return [f"{made.label}: its program makes other rows than those that were trained on"]


def _make(evidence: Evidence, submitted: Submission, key: Mapping[str, Any], progress: Progress) -> dict[str, str]:
    """Make the rows of a submission; return the digests of their files by name. ``key``: of the recorded stage."""
    with tempfile.TemporaryDirectory(prefix="ftdojo-rows-") as name:
        folder = Path(name)
        gates = Gates(
            task=evidence.task,
            data=evidence.data,
            base=evidence.base,
            judge=evidence.grading.open,
            llm=_replay(evidence, Home(folder / "home"), progress),
        )
        progress.update("making the rows again", 0, 1)
        start = _lookup(evidence, START, key.get("start", own_model(evidence.configuration.digests["model"])))
        made = gates.make_rows(submitted.program, key["limit"], gates.trainer(submitted.train), start=start)
        write_rows(made.clean, folder / ROWS)
        if made.overlap:
            write_rows(made.written, folder / WRITTEN)
        return {path.name: digest.of_file(path) for path in sorted(folder.glob("*.jsonl"))}


def _replay(evidence: Evidence, home: Home, progress: Progress) -> Access | None:
    """Return access to the recorded calls of data programs, and to nothing else."""
    configuration = evidence.configuration
    if not configuration.data_llm:
        return None
    models: dict[str, Transport] = {
        pool: _lookup(evidence, pool, model) for pool, model in configuration.data_llm.items()
    }
    return Access(
        llm=DataLlm(models=models),
        task=evidence.place,
        variant=configuration.variant,
        home=home,
        log=_Unlimited(),
        progress=progress,
        known=lambda: _calls(evidence),
    )


def _lookup(evidence: Evidence, pool: str, model: str) -> Lookup:
    return Lookup([call for call in _calls(evidence) if call.pool in (pool, "")], model)


def _calls(evidence: Evidence) -> list[Call]:
    return [call for calls in evidence.history.data_calls for call in calls]


@dataclass(frozen=True, slots=True)
class _Unlimited:
    """The log of calls that were paid for when the run was made."""

    def append(self, call: Call) -> None:
        """Record nothing: the call is in the record."""

    def remaining(self) -> dict[str, float]:
        """Return no limit."""
        return {}
