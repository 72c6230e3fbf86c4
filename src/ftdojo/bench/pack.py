"""Write a finished contest as a pack, which anyone can score again: see :mod:`ftdojo.bench.packed` for its layout.

The same contest gives the same bytes. Rows are not packed, only their digests: they are copies of the task's data, and
whoever has the data and the submission can make them again. Right answers are not packed either. But outputs on test,
with the verdicts in the record, say which of them are right: for a user's own task this is private text.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftdojo import digest, models, tasks
from ftdojo.audit.evidence import Evidence, Unchecked, Unreadable
from ftdojo.bench.compare import leaderboard
from ftdojo.bench.leaderboard import Leaderboard
from ftdojo.bench.packed import (
    ADAPTER,
    BOARD,
    LEDGER,
    MANIFEST,
    MODEL,
    README,
    RESULT,
    SEALED,
    STAGES,
    Pack,
    PackedBase,
    PackedEvent,
    PackedFile,
    PackedRun,
    PackedSet,
    PackedTask,
    PackManifest,
    Weights,
    hash_file,
)
from ftdojo.bench.record import finished, read
from ftdojo.bench.suite import Job, Suite
from ftdojo.bench.withhold import Withheld
from ftdojo.contract.methods import BUILT_IN, read_config
from ftdojo.contract.progress import Progress
from ftdojo.contract.submission import FILES as SUBMITTED
from ftdojo.contract.submission import TRAIN
from ftdojo.disk import disk_errors
from ftdojo.errors import UsageError
from ftdojo.files import BY_UMASK, write_file
from ftdojo.plain import plural
from ftdojo.record import Home, Ledger, RunFolder
from ftdojo.record.events import RunBegun
from ftdojo.record.history import History, list_judge_calls
from ftdojo.schema import read_regular
from ftdojo.training import ADAPTER_FILES, text_files

Card = Callable[[PackManifest, Leaderboard], str]
"""Returns the text of ``README.md``."""


def write_pack(
    out: Path, folder: Path, *, home: Home, card: Card, with_private_text: bool = False, progress: Progress
) -> Pack:
    """Write the contest in ``out`` to ``folder``.

    Args:
        out: the folder of a contest. Runs that have not finished are left out.
        folder: a new or empty folder.
        home: the cache of this machine, which has the base models and the adapters.
        card: writes the text for people.
        with_private_text: whether the pack may hold text of a user's own data.
        progress: receives the progress.

    Raises:
        UsageError: if nothing has finished, a record was changed, a base model is not on this machine, or the pack
            would hold private text and must not.
    """
    suite, _, _ = read(out)
    board = leaderboard(out, progress)
    jobs = [job for job in suite.jobs() if finished(out, job)]
    if not jobs:
        raise UsageError(f"no run of the contest in {out} has finished", fix="run `ftdojo bench` to its end first")
    if board.missing:
        progress.say(f"{plural(len(board.missing), 'job')} without a result: left out")
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty", fix="name a new folder with --out")
    surveys = [_survey(out, job) for job in jobs]
    if not with_private_text and (private := [text for survey in surveys for text in survey.private]):
        raise UsageError(
            "the pack would hold text of your own data:\n  " + "\n  ".join(private[:20]),
            fix="add --with-private-text if everybody who gets the pack may read it",
        )
    withheld = Withheld.of(out, suite, [survey.begun for survey in surveys], home)
    with disk_errors(folder), _emptied_on_error(folder):
        writer = _Writer(folder, withheld, {})
        with Ledger(out, writable=False) as ledger:
            writer.write_ledger(LEDGER, ledger, out)
        clean_board = Leaderboard.model_validate(withheld.clean(board.model_dump(mode="json")))
        writer.write(BOARD, _json(clean_board.model_dump(mode="json")))
        runs = []
        for number, job in enumerate(jobs):
            progress.update("pack", number, len(jobs), str(job))
            runs.append(_pack_run(out, job, home, writer))
        manifest = _describe(suite, jobs, surveys, runs, writer)
        writer.write(README, card(manifest, clean_board).encode())
        manifest = manifest.model_copy(update={"files": dict(sorted(writer.files.items()))})
        write_file(folder / MANIFEST, _json(manifest.model_dump(mode="json")), mode=BY_UMASK)
    size = sum(file.size for file in manifest.files.values())
    progress.end("pack", f"{plural(len(runs), 'run')}, {plural(len(manifest.files), 'file')}, {size / 1e6:,.1f} MB")
    return Pack(folder, manifest)


@contextlib.contextmanager
def _emptied_on_error(folder: Path) -> Iterator[None]:
    """Make a folder, and empty it if it cannot be filled, so that the same command can fill it later."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise


@dataclass(frozen=True, slots=True)
class _Survey:
    """What has to be known of a run before anything is written."""

    begun: RunBegun
    private: list[str]
    """The private text that its record holds, in words."""


def _survey(out: Path, job: Job) -> _Survey:
    with Ledger(out / job.folder, writable=False) as ledger:
        history = History(ledger)
        begun, items = history.require(RunBegun), history.test_items.get("best", [])
        calls = sum(map(len, [*history.calls, *history.data_calls, list_judge_calls(history)]))
        submissions = len(history.iterations)
    if not Path(job.task).is_absolute():
        return _Survey(begun, [])
    quoted = [
        "questions of validation with outputs of models",
        f"outputs on {plural(len(items), 'test item')} with verdicts, which say what is right",
        f"what {plural(submissions, 'submission')} quote",
        f"{plural(calls, 'call')} to language models",
    ]
    return _Survey(begun, [f"{job}: {', '.join(quoted)}"])


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the files of a pack, and keeps their digests for the manifest."""

    folder: Path
    withheld: Withheld
    files: dict[str, PackedFile]

    def write(self, name: str, content: bytes) -> None:
        """Write a file of text."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, content, mode=BY_UMASK)
        self.files[name] = hash_file(path)

    def copy(self, name: str, source: Path) -> None:
        """Copy a file of any size."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path, follow_symlinks=False)
        self.files[name] = hash_file(path)

    def write_unless_withheld(self, name: str, content: bytes, left_out: list[str]) -> None:
        """Write a file whose digest is recorded, or note that it is left out."""
        if self.withheld.holds(content):
            left_out.append(name)
        else:
            self.write(name, content)

    def write_ledger(self, name: str, ledger: Ledger, place: Path) -> None:
        """Write all events of a ledger, without what is withheld."""
        if not ledger.head:
            fix = "its events are not linked; resume or repeat the run with this ftdojo"
            raise UsageError(f"the record in {place} was written by an early ftdojo", fix=fix)
        if broken := ledger.find_broken():
            fix = "`ftdojo verify` says what is affected; restore the record from a copy"
            raise UsageError(f"event {broken} of the record in {place} was changed after it was written", fix=fix)
        lines = []
        for event in ledger.events():
            payload = self.withheld.clean(event.payload)
            packed = PackedEvent(
                seq=event.seq,
                time=event.time,
                kind=event.kind,
                payload=payload,
                link=event.link,
                withheld=payload != event.payload,
            )
            lines.append(json.dumps(packed.model_dump(), allow_nan=False) + "\n")
        self.write(name, "".join(lines).encode())


def _pack_run(out: Path, job: Job, home: Home, writer: _Writer) -> PackedRun:
    """Write the files of a run."""
    folder, left_out = RunFolder(out / job.folder), list[str]()
    with Ledger(folder.path, writable=False) as ledger:
        writer.write_ledger(f"{job.folder}/{LEDGER}", ledger, folder.path)
        try:
            evidence = Evidence(folder.path, ledger, home, None)
            stages = _stages(evidence, writer.withheld)
            weights = _pack_weights(evidence, job, writer)
        except (Unchecked, Unreadable) as why:
            raise UsageError(f"{job.folder} cannot be packed: {why}", fix="pack it where it was run") from None
        base = evidence.configuration.digests["model"]
        outputs = _outputs(evidence)
        count = len(evidence.iterations)
    result = json.loads(read_regular(folder.result, folder.result.stat().st_size))
    writer.write(f"{job.folder}/{RESULT}", _json(writer.withheld.clean(result)))
    writer.write(f"{job.folder}/{STAGES}", _json(stages))
    for number in range(1, count + 1):
        for name in SUBMITTED:
            path = folder.submission(number) / name
            if path.is_file():
                content = read_regular(path, path.stat().st_size)
                writer.write_unless_withheld(f"{job.folder}/submissions/{number:03d}/{name}", content, left_out)
    for path in outputs:
        writer.write_unless_withheld(f"{job.folder}/{SEALED}/{path.name}", path.read_bytes(), left_out)
    return PackedRun(
        folder=job.folder,
        task=job.task_id,
        variant=job.setting.variant,
        contestant=job.contestant.name,
        seed=job.seed,
        base=base,
        weights=weights,
        withheld=left_out,
    )


def _outputs(evidence: Evidence) -> list[Path]:
    """Return the files of the outputs on test; none if nothing was scored, or in runs of older builds.

    Raises:
        UsageError: if one is not the file that was scored.
    """
    if evidence.history.reasons:
        return []
    recorded = evidence.test_scored.outputs or {}
    found = {evidence.folder.sealed_outputs(name): then for name, then in sorted(recorded.items())}
    for path, then in found.items():
        if not path.is_file() or digest.of_file(path) != then:
            fix = "`ftdojo verify` says what is affected; restore the run from a copy"
            raise UsageError(f"{path} is not the file that was scored", fix=fix)
    return list(found)


def _stages(evidence: Evidence, withheld: Withheld) -> dict[str, dict[str, Any]]:
    """Return inputs and digests of the files of every stage of a run that is still in the store, by its digest."""
    found = {}
    for made in evidence.made:
        for name in made.stages:
            if evidence.is_stored(made, name) and not evidence.stage_faults(made, name):
                manifest = evidence.manifest(made, name)
                kept = {"key": manifest["key"], "files": manifest["files"]}
                if withheld.clean(kept) == kept:
                    found[made.digests[name]] = kept
    return dict(sorted(found.items()))


def _pack_weights(evidence: Evidence, job: Job, writer: _Writer) -> Weights:
    """Write the best model: its adapter if the store has it, otherwise its files but for the text files of the base."""
    best = evidence.history.best
    if not best or evidence.history.reasons:
        return "none"
    if adapter := _find_adapter(evidence):
        for name in ADAPTER_FILES:
            writer.copy(f"{job.folder}/{ADAPTER}/{name}", adapter / name)
        return "adapter"
    model = evidence.folder.model
    if not model.is_dir() or models.digest(model) != evidence.test_scored.models.get("best"):
        raise Unchecked(f"its {model.name}/ is missing, or is not the model that was tested")
    if evidence.base_faults():
        raise Unchecked("the base model here is not the run's")
    given = {path.name: path for path in text_files(evidence.base)}
    for path in sorted(model.iterdir()):
        same = given.get(path.name)
        if same is None or digest.of_file(same) != digest.of_file(path):
            writer.copy(f"{job.folder}/{MODEL}/{path.name}", path)
    return "model"


def _find_adapter(evidence: Evidence) -> Path | None:
    """Return the folder of the best model's adapter, if it was trained by a method of ftdojo and is in the store."""
    best = evidence.history.best
    made = evidence.made[best]
    if read_config(evidence.submission(best) / TRAIN).method not in BUILT_IN:
        return None
    if not evidence.is_stored(made, "train") or evidence.stage_faults(made, "train"):
        return None
    folder = evidence.stage(made, "train") / "model"
    return folder if all((folder / name).is_file() for name in ADAPTER_FILES) else None


def _describe(
    suite: Suite, jobs: Sequence[Job], surveys: Sequence[_Survey], runs: Sequence[PackedRun], writer: _Writer
) -> PackManifest:
    """Return the manifest, without ``README.md``."""
    found, bases = dict[tuple[str, str], PackedTask](), dict[str, PackedBase]()
    for job, survey in zip(jobs, surveys, strict=True):
        own, variant = Path(job.task).is_absolute(), job.setting.variant
        sets = tasks.get(job.task).variant(variant)[1].variants[variant].sets
        digests, name = survey.begun.configuration.digests, job.setting.model
        found[job.task_id, variant] = PackedTask(
            id=job.task_id,
            variant=variant,
            version=digests["task"],
            own=own,
            sets=[PackedSet(id=one.id, revision=one.revision, licence=one.licence) for one in sets],
        )
        local = Path(name).is_absolute()
        bases[digests["model"]] = PackedBase(
            name=Path(name).name if local else name,
            digest=digests["model"],
            kind="embedded" if name == models.EMBEDDED else "folder" if local else "hub",
        )
    return PackManifest(
        suite=suite.name,
        versions=surveys[0].begun.versions,
        tasks=[found[key] for key in sorted(found)],
        bases=[bases[key] for key in sorted(bases)],
        runs=list(runs),
        files=dict(sorted(writer.files.items())),
    )


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode("utf-8", "backslashreplace")
