"""Score a pack again: its record is checked, its models answer test anew, and its leaderboard is computed anew.

What is not on this machine (:mod:`ftdojo.bench.unpack` looks for it) makes a run *not checkable*, which is neither
equal nor different.

Outputs are equal to the last token on the machine of the run. Another processor, or another version of torch or
transformers, rounds differently, so a few outputs may differ; therefore the share of equal outputs is stated, and the
difference of the scores with its interval. Whoever gets many different outputs has another model.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ftdojo import digest, models
from ftdojo.audit import Check, Demand, verify
from ftdojo.audit.evidence import CLOSE, MALFORMED, Copy, Evidence, Unchecked, Unreadable, line
from ftdojo.audit.regenerate import answer_again, draw, other_versions
from ftdojo.bench.compare import compare_runs
from ftdojo.bench.leaderboard import Leaderboard
from ftdojo.bench.packed import BOARD, LEDGER, MODEL, SEALED, Pack, PackedRun, open_pack
from ftdojo.bench.record import read
from ftdojo.bench.unpack import TRAINED, Place, find_tasks, identity_faults, make_ready, unpack
from ftdojo.contract.feedback import Interval
from ftdojo.contract.progress import Progress
from ftdojo.contract.result import Score
from ftdojo.data import read_items
from ftdojo.disk import disk_errors
from ftdojo.episode import acceptance, evaluation
from ftdojo.episode.evaluation import Prediction
from ftdojo.errors import FtdojoError, InputError, PrerequisiteError
from ftdojo.inference import Generation
from ftdojo.plain import plural
from ftdojo.record import Home, Ledger, restore
from ftdojo.schema import StrictModel
from ftdojo.tasks.scoring import score_of
from ftdojo.tasks.spec import ItemScore

CONTEST = "contest"
"""The folder with the contest's own record; those of the runs are below ``jobs/``."""
SHOWN = 20
"""Items with another output that are named."""

Status = Literal["equal", "different", "not checkable"]
Answering = Literal["baseline", "best"]
"""The models of a run that answer test."""


class Rescored(StrictModel):
    """The answers of one model to test items, next to those in the pack."""

    model: Answering
    answered: int
    equal: int
    """Outputs that are the same text as those in the pack."""
    differing: list[str]
    """Ids of items with another output, the first of them."""
    packed: Score
    """The score of the outputs in the pack, on these items."""
    now: Score
    difference: Interval
    """``now`` minus ``packed``, paired by item."""


class RunCheck(StrictModel):
    """What became of one run of the pack."""

    run: str
    status: Status
    reasons: list[str]
    """Why it is not equal, and which of its files the pack does not hold."""
    models: list[Rescored]
    checks: list[Check]
    """Those of ``ftdojo verify``, on the record in the pack."""


class PackCheck(StrictModel):
    """The output of ``ftdojo bench verify --json``."""

    suite: str
    ok: bool
    """Whether every run is equal, and the leaderboard follows from the runs."""
    different: bool
    """Whether anything is different from what the pack claims."""
    items: int | None
    """How many test items of a run were drawn; all if ``None``."""
    seed: int
    """With which they were drawn."""
    versions: list[str]
    """Packages that have another version here than in the contest."""
    runs: list[RunCheck]
    ledger: Check
    """Of the contest's own record."""
    leaderboard: Check


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Which test items are answered again."""

    items: int | None = None
    """How many of each run; all if ``None``."""
    seed: int = 0


def check_pack(
    folder: Path,
    *,
    home: Home,
    given_tasks: Sequence[Path] = (),
    given_models: Sequence[Path] = (),
    sample: Sample | None = None,
    remake: bool = False,
    progress: Progress,
) -> PackCheck:
    """Check a pack and score its runs again.

    Args:
        folder: the pack.
        home: the cache of this machine.
        given_tasks: the folders of tasks that are not installed.
        given_models: the folders of base models that are neither embedded nor in the cache of the hub.
        sample: which test items are answered; all if not given.
        remake: whether the data programs of the best models run again, in the sandbox.
        progress: receives the progress.

    Raises:
        UsageError: if the folder holds no pack.
        InputError: if its files are not those of its manifest.
    """
    sample = sample or Sample()
    pack = open_pack(folder)
    with tempfile.TemporaryDirectory(prefix="ftdojo-pack-") as name:
        place = Place(Path(name), home, find_tasks(pack, given_tasks), tuple(given_models))
        versions: dict[str, None] = {}
        runs = []
        answers = _Answers(sample, progress, {})
        for number, run in enumerate(pack.manifest.runs):
            progress.update("check", number, len(pack.manifest.runs), run.folder)
            checked, others = _check_run(pack, run, place, answers, Demand(remake=remake))
            runs.append(checked)
            versions |= dict.fromkeys(others)
        ledger, board = _check_ledger(pack, place), _check_board(pack, place, progress)
    equal = sum(run.status == "equal" for run in runs)
    progress.end("check", f"{equal} of {plural(len(runs), 'run')} equal")
    return PackCheck(
        suite=pack.manifest.suite,
        ok=equal == len(runs) and board.status == "ok" and ledger.status == "ok",
        different=any(run.status == "different" for run in runs) or "failed" in (ledger.status, board.status),
        items=sample.items,
        seed=sample.seed,
        versions=list(versions),
        runs=runs,
        ledger=ledger,
        leaderboard=board,
    )


@dataclass(frozen=True, slots=True)
class _Answers:
    """Lets models answer test items. What one model answers to the same items is kept: runs share their base model."""

    sample: Sample
    progress: Progress
    kept: dict[str, dict[int, Generation]] = field(default_factory=dict)

    def ask(self, evidence: Evidence, model: Path, recorded: list[Prediction]) -> dict[int, Generation]:
        """Return position -> answer of the drawn items, and of those that share a batch with one of them."""
        drawn = draw(len(recorded), self.sample.items, random.Random(self.sample.seed))  # noqa: S311 - a sample
        configuration = evidence.configuration
        asked = [models.digest(model), configuration.digests["test"], evidence.task.spec.id, evidence.task.version]
        key = digest.of_value([*asked, evidence.task.spec.max_new_tokens, configuration.engine])
        if key not in self.kept:
            self.kept[key] = answer_again(evidence, model, recorded, drawn, self.progress)
        return self.kept[key]


def _check_run(
    pack: Pack, run: PackedRun, place: Place, answers: _Answers, demand: Demand
) -> tuple[RunCheck, list[str]]:
    """Check one run; return the result, and which packages have another version here."""
    checks: list[Check] = []
    rescored: list[Rescored] = []
    faults: list[str] = []
    missing: list[str] = []
    others: list[str] = []
    folder = place.root / run.folder
    try:
        with disk_errors(place.root):
            withheld = unpack(pack, run, folder)
        copy = Copy(withheld=withheld, manifests=pack.stages(run))
        with Ledger(folder, writable=False) as ledger:
            evidence = Evidence(folder, ledger, place.home, place.tasks.get(run.task), copy)
            others = other_versions(evidence)
            faults += identity_faults(run, evidence)
            try:
                copy = make_ready(pack, run, evidence, place)
                evidence.copy = copy
                rescored = _rescore(run, evidence, answers)
            except Unchecked as why:
                missing.append(str(why))
            except PrerequisiteError as error:
                missing.append(f"{error.message}: {error.fix}")
        task = place.tasks.get(run.task)
        audit = verify(folder, home=place.home, task=task, demand=demand, copy=copy, progress=answers.progress)
        checks = audit.checks
        faults += [f"{c.name}: {c.message}" for c in checks if c.status == "failed" and not _is_left_out(run, c)]
    except InputError as error:
        faults.append(error.message)
    except (Unreadable, FtdojoError) as error:
        missing.append(error.message if isinstance(error, FtdojoError) else str(error))
    except MALFORMED as error:
        faults.append(f"it cannot be read: {line(error)}")
    for weights in (folder / MODEL, folder / TRAINED):  # those of all runs together could fill the disk
        shutil.rmtree(weights, ignore_errors=True)
    faults += [_describe(one) for one in rescored if one.equal < one.answered]
    status: Status = "different" if faults else "not checkable" if missing else "equal"
    notes = [f"{name.removeprefix(f'{run.folder}/')} was withheld" for name in run.withheld]
    found = RunCheck(run=run.folder, status=status, reasons=[*faults, *missing, *notes], models=rescored, checks=checks)
    return found, others


def _is_left_out(run: PackedRun, check: Check) -> bool:
    """Whether a check failed because the pack does not hold all submissions or outputs, as its manifest says."""
    kinds = {"submissions": "/submissions/", "outputs": f"/{SEALED}/"}
    part = kinds.get(check.name)
    return part is not None and any(part in name for name in run.withheld)


def _describe(one: Rescored) -> str:
    gap = one.difference
    return (
        f"{one.model}: {one.answered - one.equal} of {plural(one.answered, 'output')} are not those of the pack, first "
        f"that on item {one.differing[0]}; the score is {one.now.value:.1f} instead of {one.packed.value:.1f}, a "
        f"difference of {gap.value:+.1f} [{gap.low:+.1f}, {gap.high:+.1f}]"
    )


def _rescore(run: PackedRun, evidence: Evidence, answers: _Answers) -> list[Rescored]:
    """Let the models of a run answer test, and compare the answers with those in the pack.

    Raises:
        Unchecked: if the pack has no outputs of it.
    """
    if evidence.history.reasons:
        return []
    scored, folder = evidence.test_scored, evidence.folder
    best: dict[Answering, Path] = {"best": folder.model} if evidence.history.best else {}
    found = []
    for name, model in [("baseline", evidence.base), *best.items()]:
        path = folder.sealed_outputs(name)
        if not path.is_file():
            left_out = any(path.name in one for one in run.withheld)
            why = "were withheld" if left_out else "are not in the pack"
            raise Unchecked(f"its outputs on test ({path.name}) {why}")
        recorded = [Prediction.model_validate(row) for row in read_items(path)]
        made = answers.ask(evidence, model, recorded)
        found.append(_compare(evidence, name, recorded, scored.items[name], made))
    return found


def _compare(
    evidence: Evidence,
    name: Answering,
    recorded: Sequence[Prediction],
    verdicts: Sequence[ItemScore],
    made: Mapping[int, Generation],
) -> Rescored:
    task, items = evidence.task, read_items(evidence.data.sealed_test)
    places = sorted(made)
    now = [Prediction(id=recorded[i].id, output=g.text, tokens=g.n_tokens, truncated=g.truncated)
           for i, g in sorted(made.items())]  # fmt: skip
    fresh = evaluation.scores(task, [items[i] for i in places], now)
    packed = [verdicts[i] for i in places]
    differing = [recorded[i].id for i in places if made[i].text != recorded[i].output]
    return Rescored(
        model=name,
        answered=len(places),
        equal=len(places) - len(differing),
        differing=differing[:SHOWN],
        packed=score_of(task, packed),
        now=score_of(task, fresh),
        difference=acceptance.difference(task, fresh, packed),
    )


def _check_ledger(pack: Pack, place: Place) -> Check:
    """Check the links of the contest's own record."""

    def answer(status: Literal["ok", "failed"], message: str) -> Check:
        return Check(name="ledger", status=status, message=message)

    folder = place.root / CONTEST
    folder.mkdir()
    try:
        events = pack.events(LEDGER)
        withheld = {packed.seq for packed in events if packed.withheld}
        restore(folder, [packed.event for packed in events])
        with Ledger(folder, writable=False) as ledger:
            broken = ledger.find_broken(withheld=withheld)
    except (FtdojoError, *MALFORMED) as error:
        return answer("failed", f"the record of the contest cannot be read: {line(error)}")
    if broken:
        return answer("failed", f"event {broken} of the record of the contest was changed")
    but = f", except for {len(withheld)} of {plural(len(events), 'event')} with withheld parts" if withheld else ""
    return answer("ok", f"Every event of the record of the contest is linked to the one before{but}")


def _check_board(pack: Pack, place: Place, progress: Progress) -> Check:
    """Check that the leaderboard follows from the records of the runs."""

    def answer(status: Literal["ok", "failed", "unchecked"], message: str) -> Check:
        return Check(name="leaderboard", status=status, message=message)

    try:
        claimed = Leaderboard.read(pack.read_text(BOARD), BOARD)
        suite, attempts, failures = read(place.root / CONTEST)
        lacking = sorted(name for name in suite.tasks if name not in place.tasks)
        if lacking:
            return answer("unchecked", f"the task {lacking[0]} is not on this machine; --task names its folder")
        here = suite.model_copy(update={"tasks": [place.tasks[name] for name in suite.tasks]})
        again = compare_runs(place.root, here, attempts, failures, progress)
    except InputError as error:
        return answer("failed", error.message)
    except (FtdojoError, *MALFORMED) as error:
        return answer("failed", f"it cannot be computed from the runs: {line(error)}")
    differing = _differing(again.model_dump(mode="json"), claimed.model_dump(mode="json"), BOARD)
    if differing:
        return answer("failed", f"{plural(len(differing), 'value')} do not follow from the runs, first {differing[0]}")
    return answer("ok", "Every number of the leaderboard follows from the records of the runs")


def _differing(ours: Any, theirs: Any, where: str) -> list[str]:
    """Return the places where two JSON values differ by more than rounding."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        names = sorted(ours.keys() | theirs.keys())
        return [text for name in names for text in _differing(ours.get(name), theirs.get(name), f"{where}: {name}")]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [text for number, (a, b) in pairs for text in _differing(a, b, f"{where}[{number}]")]
    if isinstance(ours, int | float) and isinstance(theirs, int | float):
        same = abs(ours - theirs) <= CLOSE
    else:
        same = ours == theirs
    return [] if same else [f"{where} is {theirs!r}, the runs say {ours!r}"]
