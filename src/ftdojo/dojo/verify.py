"""The audit of a finished run: what its result says, checked again against its own record and the stored evidence.

It reads only. A check that would need what is not on this machine, or what another check has found changed, is
*unchecked* and says why: that is not a failure, and no proof either. What it cannot see is a record that was invented
as a whole, evidence included; against that, note ``ledger`` of ``result.json`` when the run ends.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NoReturn

from ftdojo import models, rawdata, sandbox, tasks
from ftdojo.budget import Budget, Spent
from ftdojo.dojo import acceptance, evaluation
from ftdojo.dojo.configuration import Configuration
from ftdojo.dojo.episode import MODEL, RESULT, SEALED, SUBMISSIONS
from ftdojo.dojo.evaluation import Prediction
from ftdojo.dojo.history import History
from ftdojo.dojo.pipeline import ROWS
from ftdojo.dojo.predict import PREDICTIONS
from ftdojo.dojo.progress import Progress
from ftdojo.dojo.protocol import Iteration
from ftdojo.dojo.submission import TRAIN, read_plan
from ftdojo.errors import FtdojoError, InfrastructureError, InputError, UsageError
from ftdojo.llm import Call
from ftdojo.rawdata import TaskData, read_items
from ftdojo.record import Event, Home, Ledger, digest
from ftdojo.record.ledger import FILE
from ftdojo.record.result import RunResult, Score
from ftdojo.record.store import MANIFEST, faults
from ftdojo.schema import StrictModel, load_file
from ftdojo.tasks.scoring import summarize
from ftdojo.tasks.spec import ItemScore, Record, Task
from ftdojo.training import TrainConfig, parse_row

KINDS = {"data": "rows", "train": "models", "evaluate": "predictions"}
"""Stage of an iteration -> its kind in the store."""
CLOSE = 1e-6
"""Numbers that were computed twice may differ by this much: another machine adds in another order."""

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


def verify(run: Path, *, home: Home, task: str | None = None, progress: Progress) -> Audit:
    """Check a finished run again.

    Args:
        run: its folder, or a copy of it.
        home: where the stages and the prepared data of the run are, if they are on this machine.
        task: where the task is, if its folder was moved since.

    Raises:
        UsageError: if there is no run, or one that has not ended.
    """
    if not (run / FILE).is_file():
        raise UsageError(f"{run} holds no run", fix="name a folder that `ftdojo run --out` wrote")
    checks: list[Check] = []
    with _copied(run) as folder:
        try:
            with Ledger(folder, writable=False) as ledger:
                evidence = Evidence(run, ledger, home, task)
                for place, (name, check) in enumerate(CHECKS.items()):
                    progress.update("verify", place, len(CHECKS), name)
                    checks.append(_ask(name, check, evidence))
                head = evidence.history.head
        except (_Unreadable, InfrastructureError) as error:
            why, head = "the ledger cannot be read", ""
            checks = [Check(name=name, status="unchecked", message=why) for name in CHECKS]
            checks[0] = Check(name="ledger", status="failed", message=f"{FILE}: {_line(error)}")
    failed = [check.name for check in checks if check.status == "failed"]
    progress.end("verify", f"{len(checks)} checks, {len(failed)} failed")
    result = run / RESULT
    return Audit(
        run=run.absolute().name,
        ok=not failed,
        checks=checks,
        ledger=head,
        result_digest=digest.of_file(result) if result.is_file() else "",
        ftdojo=version("ftdojo"),
    )


@contextmanager
def _copied(run: Path) -> Iterator[Path]:
    """A copy of the ledger: SQLite would leave files of its own beside one that it opens, and takes locks."""
    with tempfile.TemporaryDirectory(prefix="ftdojo-verify-") as folder:
        for name in (FILE, f"{FILE}-wal"):
            if (run / name).is_file():
                shutil.copyfile(run / name, Path(folder, name))
        yield Path(folder)


class _Unreadable(Exception):  # noqa: N818 - an answer, not an error of ours
    """The ledger is none any more."""


class Unchecked(Exception):  # noqa: N818 - an answer, not an error
    """A check cannot be made here; says why."""


@dataclass(frozen=True, slots=True)
class Made:
    """What the record says was made: by the base model, or by an iteration."""

    label: str
    digests: dict[str, str]
    contents: dict[str, str]


class Evidence:
    """The record of a run, and what this machine has of the things that it names. Looked up, never made."""

    def __init__(self, run: Path, ledger: Ledger, home: Home, task: str | None) -> None:
        self.run, self.ledger, self.home = run, ledger, home
        self.history = History(ledger)
        try:
            self.events: list[Event] = ledger.events()
            self.iterations = self.history.iterations
            finished, configuration = self.history.finished, self.history.configuration
            baseline = self.history.payload("baseline")
        except (ValueError, KeyError, TypeError, sqlite3.Error) as error:
            raise _Unreadable(_line(error)) from error
        if finished is None or configuration is None or baseline is None:
            raise UsageError(f"the run in {run} has not ended", fix="the command that began it takes it up again")
        self.finished: RunResult = finished
        self.configuration: Configuration = configuration
        self._given = task or (self.history.payload("configuration") or {}).get("given", configuration.task)
        self.baseline = Made("the base model", baseline.get("digests", {}), baseline.get("contents", {}))
        self._believed: dict[tuple[str, str, str], list[str]] = {}

    @property
    def made(self) -> list[Made]:
        """The base model's stages, then those of every iteration."""
        return [self.baseline, *(Made(f"iteration {i.number}", i.digests, i.contents) for i in self.iterations)]

    @cached_property
    def task(self) -> Task:
        """The run's task, if it is here in the version of the run."""
        try:
            _, task = tasks.get(self._given, runner=sandbox.run_user_code).variant(self.configuration.variant)
        except FtdojoError as error:
            raise Unchecked(f"the task is not on this machine: {error.message}; --task names its folder") from None
        if task.version != (then := self.configuration.digests["task"]):
            raise Unchecked(f"the task here is version {task.version}, the run's was {then}")
        return task

    @cached_property
    def prepared(self) -> TaskData:
        """The data of the task as it was prepared here."""
        data = rawdata.find(self.task, self.configuration.variant, self.home)
        if data is None:
            raise Unchecked(f"the task's data is not prepared below {self.home.data}, or is not as it was made")
        return data

    @property
    def data(self) -> TaskData:
        """The data of the task, if it is what the run had."""
        if _other_data(self):
            raise Unchecked("the data here is not the run's: see 'data'")
        return self.prepared

    @cached_property
    def base(self) -> Path:
        """The base model of the run."""
        folder = models.find(self.configuration.model, self.home.root)
        if folder is None:
            raise Unchecked(f"the base model {self.configuration.model} is not on this machine")
        return folder

    @cached_property
    def base_digest(self) -> str:
        """The identity of the base model that is here."""
        return models.digest(self.base)

    @cached_property
    def items(self) -> list[Record]:
        """The validation items."""
        return read_items(self.data.validation)

    def submission(self, number: int) -> Path:
        """The folder of a submission in the record."""
        return self.run / SUBMISSIONS / f"{number:03d}"

    def stage(self, made: Made, name: str) -> Path:
        """Where the store has, or would have, a stage."""
        told = made.digests[name]
        if len(told) != digest.LENGTH or not told.isalnum():  # a path would lead elsewhere
            raise ValueError(f"{made.label}: {told!r} is no digest of a stage")
        return self.home.stages / KINDS[name] / told

    def stage_faults(self, made: Made, name: str) -> list[str]:
        """How a stage differs from what the record says of it.

        Raises:
            Unchecked: if it is not in the store of this machine.
        """
        folder = self.stage(made, name)
        key = (name, folder.name, made.contents.get(name, ""))
        if key not in self._believed:
            if not (folder / MANIFEST).is_file():
                raise Unchecked(f"{made.label}: its stage '{name}' is not below {self.home.stages}")
            manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
            found = faults(folder, manifest["files"])
            if digest.of_value(manifest["key"]) != folder.name:
                found.append("its manifest names other inputs than its digest stands for")
            if key[2] and digest.of_value(manifest["files"]) != key[2]:
                found.append("its files are not those of the record")
            self._believed[key] = [f"{made.label}, {name}: {fault}" for fault in found]
        return self._believed[key]

    def believed(self, made: Made, name: str) -> Path:
        """The folder of a stage that is as recorded."""
        if self.stage_faults(made, name):
            raise Unchecked(f"{made.label}: its stage '{name}' is not the recorded one: see 'stages'")
        return self.stage(made, name)

    def verdicts(self, made: Made) -> list[ItemScore]:
        """The verdicts on the validation items, from the stored outputs."""
        return _scored(self.task, self.items, self.believed(made, "evaluate") / PREDICTIONS)


def _ask(name: str, check: Callable[[Evidence], list[str]], evidence: Evidence) -> Check:
    """A check's answer. What holds is told by the first line of its docstring."""

    def answer(status: Status, message: str) -> Check:
        return Check(name=name, status=status, message=message)

    try:
        found = check(evidence)
    except Unchecked as why:
        return answer("unchecked", str(why))
    except InputError as error:
        return answer("failed", error.message)
    except FtdojoError as error:
        return answer("unchecked", error.message)
    except (ValueError, KeyError, TypeError, OSError) as error:  # evidence that has lost its form
        return answer("failed", f"cannot be read: {_line(error)}")
    return answer("failed", "; ".join(found)) if found else answer("ok", _claim(check))


def _claim(check: Callable[[Evidence], list[str]]) -> str:
    return (check.__doc__ or "").strip().splitlines()[0].rstrip(".")


def _ledger(evidence: Evidence) -> list[str]:
    """Every event is what and where it was when it was written."""
    if not evidence.ledger.head:
        raise Unchecked("the ledger is of version 1, whose events are not linked")
    place = evidence.ledger.broken()
    return [f"event {place} is not what it was, or not where it was, when it was written"] if place else []


def _result(evidence: Evidence) -> list[str]:
    """result.json is the recorded result, and follows from the record."""
    recorded, path = evidence.finished, evidence.run / RESULT
    if not path.is_file():
        return [f"{RESULT} is missing"]
    found = _differing(RESULT, json.loads(path.read_text("utf-8")), recorded.model_dump(mode="json"))
    derived = evidence.history.result(recorded.run).model_dump(mode="json")
    # The sums of the budget have a check of their own.
    return found + _differing("the event 'finished'", recorded.model_dump(mode="json"), derived, but={"budget"})


def _differing(where: str, told: Any, expected: dict[str, Any], but: set[str] = frozenset()) -> list[str]:  # type: ignore[assignment]
    if not isinstance(told, dict):
        return [f"{where} is no result"]
    names = sorted(n for n in (told.keys() | expected.keys()) - but if told.get(n) != expected.get(n))
    return [f"{where}: {name} is not what the record says" for name in names]


def _opening(evidence: Evidence) -> list[str]:
    """Test was opened after the agent had stopped, for the best iteration, and scored once.

    A grading that was interrupted opens it again, which the record says; nothing can be learned from that, since the
    agent is gone.
    """
    kinds = [event.kind for event in evidence.events]
    opened = [event for event in evidence.events if event.kind == "test_opened"]
    found = [f"'{kind}' is recorded {kinds.count(kind)} times" for kind in ("test_scored", "finished", "stopped")
             if kinds.count(kind) > 1]  # fmt: skip
    if "test_scored" in kinds and not opened:
        found.append("test was scored, and no opening is recorded")
    if "test_scored" in kinds and "disqualified" in kinds:
        found.append("a disqualified run was scored on test")
    if opened:
        before, after = kinds[: opened[0].seq - 1], kinds[opened[0].seq - 1 :]
        if "stopped" not in before:
            found.append(f"test was opened at event {opened[0].seq}, before the agent had stopped")
        found += [f"'{kind}' is recorded after test was opened" for kind in ("iteration", "llm_call") if kind in after]
    best = evidence.history.best
    return found + [f"event {e.seq} opened test for iteration {e.payload['best']}, the best is {best}"
                    for e in opened if e.payload["best"] != best]  # fmt: skip


def _budget(evidence: Evidence) -> list[str]:
    """All charges add up to the result, and no step was begun with a limit reached."""
    budget, spent, begun_with, found = Budget(**evidence.configuration.model_dump()["budget"]), Spent(), Spent(), []
    for event in evidence.events:
        charge = Spent(**event.payload.get("charge", {}))
        where = f"event {event.seq} ({event.kind})"
        found += [f"{where}: a charge of {value} {name}" for name, value in asdict(charge).items() if value < 0]
        if event.kind == "iteration":
            reached = [name for name, left in budget.remaining(begun_with).items() if left <= 0]
            found += [f"{where} was begun when {name} was used up" for name in reached]
            seconds = Iteration.model_validate(event.payload["iteration"]).feedback.execution.seconds
            if abs(charge.device_s - seconds.train - seconds.evaluate) > CLOSE or charge.submissions != 1:
                found.append(f"{where} is not charged its stages and one submission")
        elif event.kind == "llm_call" and charge != Call.model_validate(event.payload["call"]).charge:
            found.append(f"{where} is not charged what the call took")
        spent += charge
        if event.kind in {"baseline", "iteration"}:  # after these, an agent is asked only if no limit is reached
            begun_with = spent
    used = evidence.finished.budget
    told = Spent(wall_s=used.wall_s, device_s=used.device_s, submissions=used.submissions, **used.llm.model_dump())
    return found + [f"the charges of {name} add up to {value}, the result says {getattr(told, name)}"
                    for name, value in asdict(spent).items() if abs(value - getattr(told, name)) > CLOSE]  # fmt: skip


def _data(evidence: Evidence) -> list[str]:
    """The data of the task here is that of the run."""
    return _other_data(evidence)


def _other_data(evidence: Evidence) -> list[str]:
    here, then = evidence.prepared.digests, evidence.configuration.digests
    return [f"{name}: {then.get(name)} in the run, {here[name]} here" for name in here if here[name] != then.get(name)]


def _base(evidence: Evidence) -> list[str]:
    """The base model here is that of the run."""
    here, then = evidence.base_digest, evidence.configuration.digests["model"]
    return [f"{evidence.configuration.model}: {then} in the run, {here} here"] if here != then else []


def _submissions(evidence: Evidence) -> list[str]:
    """The submissions are those that were handed in."""
    found = []
    for iteration in evidence.iterations:
        folder = evidence.submission(iteration.number)
        if not folder.is_dir():
            found.append(f"{SUBMISSIONS}/{folder.name} is missing")
        elif _changed(evidence, iteration):
            found.append(f"{SUBMISSIONS}/{folder.name} has other files than when it was handed in")
    return found


def _changed(evidence: Evidence, iteration: Iteration) -> bool:
    """Of one that could not be read, no digest was recorded; then what was read of it is compared."""
    folder, told = evidence.submission(iteration.number), iteration.digests.get("submission")
    return digest.of_folder(folder) != told if told else read_plan(folder) != iteration.plan


def _stages(evidence: Evidence) -> list[str]:
    """Rows, models and outputs in the store are those of the record, each made from the one before."""
    found: list[str] = []
    missing: list[Unchecked] = []
    for made in evidence.made:
        try:
            for name in filter(made.digests.__contains__, KINDS):
                found += evidence.stage_faults(made, name)
            found += _chain(evidence, made)
        except Unchecked as why:
            missing.append(why)
    if missing and not found:
        raise missing[0]
    return found


def _chain(evidence: Evidence, made: Made) -> list[str]:
    """Whether a model comes from the rows and the base, and the outputs from the model, as their manifests say."""

    def key(name: str) -> dict[str, Any]:
        manifest: dict[str, Any] = json.loads((evidence.stage(made, name) / MANIFEST).read_text("utf-8"))
        return manifest["key"]  # type: ignore[no-any-return]

    base, found = evidence.configuration.digests["model"], []
    if "train" in made.digests:
        if key("train")["base"] != base:
            found.append(f"{made.label}: its model was not trained from the run's base")
        rows = evidence.stage(made, "data") / ROWS
        if not evidence.stage_faults(made, "data") and key("train")["rows"] != digest.of_file(rows):
            found.append(f"{made.label}: its model was not trained on its rows")
    if "evaluate" in made.digests:
        if key("evaluate")["model"] != made.digests.get("train", base):
            found.append(f"{made.label}: its outputs are not its model's")
        if key("evaluate")["items"] != evidence.configuration.digests["validation"]:
            found.append(f"{made.label}: its outputs are not on the validation items")
    return found


def _validation(evidence: Evidence) -> list[str]:
    """Every validation score follows from the stored outputs."""
    recorded = evidence.history.baseline
    assert recorded is not None
    told = [recorded.score, *(i.score for i in evidence.iterations)]
    return [
        f"{made.label}: {score} is recorded, its outputs score {again}"
        for made, score in zip(evidence.made, told, strict=True)
        if score is not None and not _same(score, again := _score(evidence.task, evidence.verdicts(made)))
    ]


def _decisions(evidence: Evidence) -> list[str]:
    """Every decision, and so the best iteration, follows from the stored outputs by the rule of acceptance."""
    best, found = evidence.verdicts(evidence.baseline), []
    for iteration, made in zip(evidence.iterations, evidence.made[1:], strict=True):
        told = iteration.decision
        if told is None:
            if iteration.score is not None:
                found.append(f"{made.label} was evaluated and not decided on")
            continue
        verdicts = evidence.verdicts(made)
        decision = acceptance.decide(evidence.task, verdicts, best)
        gap, again = told.difference, decision.difference
        numbers = zip((gap.value, gap.low, gap.high), (again.value, again.low, again.high), strict=True)
        if told.accepted != decision.accepted or any(abs(a - b) > CLOSE for a, b in numbers):
            kind = "accepted" if told.accepted else "rejected"
            found.append(f"{made.label} was {kind} ({told.reason}); the rule says: {decision.reason}")
        best = verdicts if decision.accepted else best
    return found


def _outputs(evidence: Evidence) -> list[str]:
    """The outputs on test are those that were scored."""
    return [
        f"{SEALED}/{name}.jsonl {'has another content than when it was scored' if path.is_file() else 'is missing'}"
        for name, told in _test(evidence).get("outputs", {}).items()
        if not (path := _sealed(evidence, name)).is_file() or digest.of_file(path) != told
    ]


def _test_scores(evidence: Evidence) -> list[str]:
    """Both test scores follow from these outputs."""
    scored = _test(evidence)
    if "outputs" not in scored:
        raise Unchecked("the run was recorded before outputs on test were kept")
    if _outputs(evidence):
        raise Unchecked("the outputs on test are not those that were scored: see 'outputs'")
    items, told, found = read_items(evidence.data.sealed_test), evidence.history.test_items, []
    for name in ("baseline", "best"):
        verdicts = _scored(evidence.task, items, _sealed(evidence, name))
        recorded, again = Score.model_validate(scored[name]), _score(evidence.task, verdicts)
        if not _same(recorded, again):
            found.append(f"{name}: {recorded} is recorded, its outputs score {again}")
        elif [(v.id, v.score) for v in told[name]] != [(v.id, v.score) for v in verdicts]:
            found.append(f"{name}: the recorded verdicts are not those on its outputs")
    return found


def _test(evidence: Evidence) -> dict[str, Any]:
    scored = evidence.history.payload("test_scored")
    return scored if scored is not None else _not_asked("the run was disqualified: nothing was scored on test")


def _sealed(evidence: Evidence, name: str) -> Path:
    return evidence.run / SEALED / f"{Path(name).name}.jsonl"


def _overlap(evidence: Evidence) -> list[str]:
    """The rows of the best iteration contain no item of validation or test."""
    made = evidence.made[evidence.history.best or _not_asked("the best is the base model, which has no rows")]
    rows = read_items(evidence.believed(made, "data") / ROWS)
    turns = [parse_row({k: v for k, v in row.items() if k != "subtask"}).turns for row in rows]
    clean = set(evidence.data.overlap.keep(turns))
    return [f"{made.label}: row {n} contains an evaluation item" for n in range(1, len(rows) + 1) if n - 1 not in clean]


def _lineage(evidence: Evidence) -> list[str]:
    """The exported model is the one that was tested, and descends from the base by the recorded training."""
    best = evidence.history.best or _not_asked("the best is the base model")
    scored, model = _test(evidence), evidence.run / MODEL
    if not model.is_dir():
        raise Unchecked(f"the folder of the run has no {MODEL}/: it was moved or copied without")
    told = scored.get("models", {}).get("best")
    if told and models.digest(model) != told:
        return [f"{MODEL}/ has other files than the model that was tested"]
    if _base(evidence):
        raise Unchecked("the base model here is not the run's: see 'base'")
    iteration = evidence.iterations[best - 1]
    if _changed(evidence, iteration):
        raise Unchecked("the submission that says how it was trained is not the recorded one: see 'submissions'")
    from ftdojo.training import lineage  # reads weights, with torch

    config, training = load_file(evidence.submission(best) / TRAIN, TrainConfig), iteration.feedback.training
    if training is None:
        return [f"iteration {best} is the best, and no training of it is recorded"]
    return [f"{MODEL}/: {fault}" for fault in lineage.faults(evidence.base, model, config, training.steps)]


CHECKS: dict[str, Callable[[Evidence], list[str]]] = {
    "ledger": _ledger,
    "result": _result,
    "opening": _opening,
    "budget": _budget,
    "data": _data,
    "base": _base,
    "submissions": _submissions,
    "stages": _stages,
    "validation": _validation,
    "decisions": _decisions,
    "outputs": _outputs,
    "test": _test_scores,
    "overlap": _overlap,
    "lineage": _lineage,
}
"""Name -> what is wrong; nothing, if it holds. A check speaks of one thing only: where what it rests on is not what was
recorded, it leaves that to the check of it. Cheap ones come first."""


def _scored(task: Task, items: Sequence[Record], path: Path) -> list[ItemScore]:
    predictions = [Prediction.model_validate(row) for row in read_items(path)]
    if [p.id for p in predictions] != [str(item["id"]) for item in items]:
        raise ValueError(f"{path.name} does not answer the task's items, one after the other")
    return evaluation.scores(task, items, predictions)


def _score(task: Task, verdicts: Sequence[ItemScore]) -> Score:
    return Score.of(task.spec.metric, summarize(task, verdicts))


def _same(one: Score, other: Score) -> bool:
    pairs = zip((one.value, *one.interval), (other.value, *other.interval), strict=True)
    return (one.metric, one.n) == (other.metric, other.n) and all(abs(a - b) <= CLOSE for a, b in pairs)


def _not_asked(why: str) -> NoReturn:
    raise Unchecked(why)


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
