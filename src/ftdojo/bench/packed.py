"""The layout of a pack: one folder from which anyone can score a finished contest again.

PACK/
  README.md             what it is and how to check it, with the front matter that model hubs read
  manifest.json         the size and sha256 of every other file, and the runs, tasks and base models
  leaderboard.json      the results that the pack claims
  ledger.jsonl          the record of the contest, one event a line
  jobs/…/seed0/         a run, under the name of its folder in the contest
    ledger.jsonl        its record
    result.json         its result
    submissions/001/    what was submitted
    stages.json         the inputs and the digests of the files of each stage: rows, models, outputs on validation
    sealed/             the outputs on the test items of ``baseline`` and ``best``; no right answers
    adapter/            of a best model that is an adapter: its weights as they were trained
    model/              of any other best model: its files, but for those of the tokenizer that the base model has, too

A pack comes from a stranger. It is read with limits, nothing in it is a link, and no code of it runs.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal

from pydantic import Field, TypeAdapter, ValidationError, field_validator

from ftdojo.contract.result import Document, Result
from ftdojo.contract.submission import FILES as SUBMITTED
from ftdojo.errors import InputError, UsageError
from ftdojo.findings import Finding
from ftdojo.record import Event
from ftdojo.schema import NotRegularError, StrictModel, read_regular
from ftdojo.training import ADAPTER_FILES

README, MANIFEST, BOARD, LEDGER = "README.md", "manifest.json", "leaderboard.json", "ledger.jsonl"
RESULT, STAGES, SEALED, ADAPTER, MODEL = "result.json", "stages.json", "sealed", "adapter", "model"
OUTPUTS = ("baseline.jsonl", "best.jsonl")
MAX_FILES = 20_000
MAX_TEXT_BYTES = 2**28
MAX_WEIGHTS_BYTES = 2**38
WEIGHTS = ".safetensors"
IGNORED = (".git", ".gitattributes", ".cache")
"""What a hub and its client add to a folder. It is not read."""
_ROOT = (README, MANIFEST, BOARD, LEDGER)
_PART = r"(?!\.{1,2}/)[^/\\\x00-\x1f]+"
_JOB = rf"jobs/{_PART}/{_PART}/{_PART}/seed\d+"
_IN_RUN = re.compile(
    rf"{LEDGER}|{RESULT}|{STAGES}"
    rf"|{SEALED}/({'|'.join(map(re.escape, OUTPUTS))})"
    rf"|submissions/\d{{3,}}/({'|'.join(map(re.escape, SUBMITTED))})"
    rf"|{ADAPTER}/({'|'.join(map(re.escape, ADAPTER_FILES))})"
    rf"|{MODEL}/[\w-][\w.-]*\.(safetensors|json|jinja|model|txt)"
)

Weights = Literal["adapter", "model", "none"]
"""In which form the best model of a run is there; ``none`` if it is the base model, or was disqualified."""


class PackedFile(Result):
    """A file of the pack."""

    size: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class PackedBase(Result):
    """A base model, which is not in the pack."""

    name: str
    """Its name in the suite; of a local folder, the folder's name."""
    digest: str
    """Its identity, with the run's settings for prompts."""
    kind: Literal["embedded", "hub", "folder"]


class PackedSet(Result):
    """A public data set from which a task was built."""

    id: str
    revision: str
    licence: str


class PackedTask(Result):
    """A task, which is not in the pack."""

    id: str
    variant: str
    version: str
    own: bool
    """Whether it is a folder of a user, and not of an installed family."""
    sets: list[PackedSet] = Field(default_factory=list)


class PackedRun(Result):
    """A finished run of the contest."""

    folder: str
    task: str
    variant: str
    contestant: str
    seed: int
    base: str
    """The digest of its base model."""
    weights: Weights
    withheld: list[str] = Field(default_factory=list)
    """Files that are not in the pack because they hold a path, an address or a key."""

    @field_validator("folder")
    @classmethod
    def _of_a_job(cls, folder: str) -> str:
        if not re.fullmatch(_JOB, folder):
            raise ValueError("is not the folder of a run")
        return folder


class PackManifest(Document):
    """``manifest.json``."""

    newest: ClassVar[int] = 1
    suite: str
    versions: dict[str, str]
    """Package -> version with which the runs were made."""
    tasks: list[PackedTask]
    bases: list[PackedBase]
    runs: list[PackedRun]
    files: dict[str, PackedFile]
    """Name -> size and digest of every file but this one."""


class PackedEvent(StrictModel):
    """A line of ``ledger.jsonl``: an event of a ledger (:class:`ftdojo.record.Event`)."""

    seq: int
    time: str
    kind: str
    payload: dict[str, Any]
    link: str
    withheld: bool = False
    """Whether parts of the payload were replaced, so that its link cannot be computed from it."""

    @property
    def event(self) -> Event:
        """The event as a ledger holds it."""
        return Event(self.seq, self.time, self.kind, self.payload, self.link)


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack whose files are those of its manifest."""

    folder: Path
    manifest: PackManifest

    def read_text(self, name: str) -> bytes:
        """Return the content of a file that is not weights."""
        return read_regular(self.folder / name, MAX_TEXT_BYTES)

    def events(self, name: str) -> list[PackedEvent]:
        """Return the events of a ledger of the pack.

        Raises:
            InputError: if it is not one.
        """
        try:
            lines = self.read_text(name).decode("utf-8").split("\n")[:-1]
            events = [PackedEvent.model_validate(json.loads(line)) for line in lines]
            if [event.seq for event in events] != list(range(1, len(events) + 1)):
                raise ValueError("its events are not numbered one after the other")
            return events
        except (ValueError, RecursionError) as error:
            raise _faulty("unreadable", name, f"is no ledger: {' '.join(str(error).split())[:200]}") from None

    def stages(self, run: PackedRun) -> dict[str, dict[str, Any]]:
        """Return the manifests of the stages of a run, by their digests.

        Raises:
            InputError: if the file does not hold them.
        """
        name = f"{run.folder}/{STAGES}"
        try:
            return _STAGES.validate_json(self.read_text(name))
        except ValidationError as error:
            raise _faulty("unreadable", name, f"has no manifests of stages: {error.error_count()} faults") from None

    def files(self, run: PackedRun, part: str = "") -> list[str]:
        """Return the names of the files of a run, below the folder of the run, or of a part of it."""
        start = f"{run.folder}/{part}"
        return [name.removeprefix(f"{run.folder}/") for name in sorted(self.manifest.files) if name.startswith(start)]


_STAGES: TypeAdapter[dict[str, dict[str, Any]]] = TypeAdapter(dict[str, dict[str, Any]])


def open_pack(folder: Path) -> Pack:
    """Open a pack, and check that its files are those of its manifest.

    Raises:
        UsageError: if the folder holds no pack, or one of a newer ftdojo.
        InputError: if something in it is a link, too large, has a name that no pack has, or is not what the manifest
            says; with a finding for each such file.
    """
    try:
        text = read_regular(folder / MANIFEST, MAX_TEXT_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{folder} holds no pack", fix="name a folder that `ftdojo bench pack` wrote") from None
    except NotRegularError:
        raise _faulty("bad_pack", MANIFEST, "is a link or no file") from None
    manifest = PackManifest.read(text, MANIFEST)
    findings = [_finding("bad_pack", name, message) for name, message in _faults(folder, manifest)]
    if findings:
        raise InputError(findings)
    return Pack(folder, manifest)


def hash_file(path: Path) -> PackedFile:
    """Return the entry of a file in the manifest."""
    with path.open("rb") as stream:
        return PackedFile(size=path.stat().st_size, sha256=hashlib.file_digest(stream, "sha256").hexdigest())


def find_files(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the name and status of everything in a pack that is no plain folder, in order. Links are not followed."""
    for place, folders, files in os.walk(folder):
        here = Path(place)
        if here == folder:
            folders[:] = [name for name in folders if name not in IGNORED]
        links = [name for name in folders if (here / name).is_symlink()]
        for name in (*links, *files):
            if here != folder or name not in IGNORED:
                yield (here / name).relative_to(folder).as_posix(), (here / name).lstat()


def _faults(folder: Path, manifest: PackManifest) -> Iterator[tuple[str, str]]:
    """Yield the name and the fault of each file that is not as it should be. Contents are read last."""
    runs = {run.folder for run in manifest.runs}
    listed = manifest.files
    if len(listed) > MAX_FILES or len(runs) < len(manifest.runs):
        yield MANIFEST, f"lists more than {MAX_FILES:,} files, or a run twice"
        return
    found: set[str] = set()
    faulty = False
    for number, (name, status) in enumerate(find_files(folder)):
        if number > MAX_FILES:
            yield name, f"is one of more than {MAX_FILES:,} files"
            return
        found.add(name)
        if fault := _fault(name, status, listed, runs):
            faulty = True
            yield name, fault
    for name in sorted({*listed, *_ROOT} - found):
        faulty = True
        yield name, "is missing"
    if faulty:
        return
    for name in sorted(listed):
        if hash_file(folder / name) != listed[name]:
            yield name, "is not the file that was packed: its sha256 is another one"


def _fault(name: str, status: os.stat_result, listed: dict[str, PackedFile], runs: set[str]) -> str:
    """Return what is wrong with a file, by its name and status alone."""
    largest = MAX_WEIGHTS_BYTES if name.endswith(WEIGHTS) else MAX_TEXT_BYTES
    packed = listed.get(name)
    fault = ""
    if stat.S_ISLNK(status.st_mode):
        fault = "is a link"
    elif not stat.S_ISREG(status.st_mode):
        fault = "is not a regular file"
    elif name not in _ROOT and not _belongs(name, runs):
        fault = "does not belong in a pack"
    elif status.st_size > largest:
        fault = f"is larger than {largest >> 20:,} MiB"
    elif name != MANIFEST and packed is None:
        fault = f"is not in {MANIFEST}"
    elif packed is not None and status.st_size != packed.size:
        fault = f"has {status.st_size:,} bytes; {packed.size:,} were packed"
    return fault


def _belongs(name: str, runs: set[str]) -> bool:
    run = "/".join(PurePosixPath(name).parts[:5])
    return run in runs and bool(_IN_RUN.fullmatch(name.removeprefix(f"{run}/")))


def _faulty(code: str, name: str, message: str) -> InputError:
    return InputError([_finding(code, name, message)])


def _finding(code: str, name: str, message: str) -> Finding:
    return Finding(code=code, gate=0, message=message, where=name, fix="get the pack again from whoever made it")
