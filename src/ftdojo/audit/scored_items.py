"""Scored items from many places: finished runs, files of ``ftdojo score``, predictions, and logs of other harnesses.

Formats of other tools, read as data and never with their code:

- lm-evaluation-harness, ``samples_TASK_*.jsonl`` (of ``--log_samples``): one object a line with ``doc_id``, ``target``,
  the names of its ``metrics`` and their values; several lines an item if there are several ``filter`` pipelines.
- Inspect, ``.json`` logs, and ``.eval`` logs, which are ZIP archives with one JSON file a sample, compressed by
  Zstandard (method 93 of ZIP, which Python's ``zipfile`` reads from 3.14 on). The values ``C``,
  ``P``, ``I`` and ``N`` stand for right, half right, wrong and no answer, as in Inspect's own metrics.

All files are hostile until checked: sizes are bounded, and everything that is not of the expected form is an error that
names the place.
"""

from __future__ import annotations

import json
import math
import os
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ftdojo.contract.prompts import name_prompts
from ftdojo.contract.result import TRIVIAL_NAMES
from ftdojo.contract.task_spec import Record
from ftdojo.errors import InputError, UsageError
from ftdojo.findings import Finding
from ftdojo.record import Ledger, RunFolder
from ftdojo.record.events import RunBegun, TestScored
from ftdojo.record.history import History
from ftdojo.tasks.aggregate import subtask_mean
from ftdojo.tasks.classes import MOST_SHOWN, gold_class
from ftdojo.tasks.rows import scan_jsonl
from ftdojo.tasks.scoring import ScoreReport, pair
from ftdojo.tasks.spec import ItemScore, Task

LARGEST = 2**30
"""Bytes of a file, and of everything in an archive."""
ZSTANDARD = 93
"""The compression method of newer archives of Inspect."""
LOCAL_HEADER, LENGTHS = 30, "<HH"
"""Of a member of a ZIP archive: bytes of the header before it, which end with the lengths of its name and extra."""
INSPECT = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
FORMS = "a folder of a finished run, a file of `ftdojo score --json`, samples_*.jsonl of lm-evaluation-harness, or a \
.json or .eval log of Inspect; a file of predictions needs --task and --items"


@dataclass(frozen=True, slots=True)
class Item:
    """One scored item."""

    score: float
    subtask: str = ""
    """The stratum: metrics are means over sub-tasks."""
    group: str = ""
    """The class of the right answer, where there are few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """The scored items of one system."""

    name: str
    source: str
    """What it was read from, in words."""
    metric: str
    higher_is_better: bool = True
    best_value: float = 100.0
    """The metric of a score of 1."""
    bounds: tuple[float, float] = (0.0, 1.0)
    """Lowest and highest score of an item."""
    pooled: bool = False
    """Whether the metric is no mean of item scores; then ``task`` computes it from ``verdicts``."""
    items: dict[str, Item]
    verdicts: dict[str, ItemScore]
    """Of ftdojo's own results: what the task's scorer computes its metric from."""
    task: str = ""
    """Id of the task, or its folder; empty for logs of other harnesses."""
    untrained: tuple[Scored, ...] = ()
    """Of a run: what needs no training, the best constant and few-shot, on the same items."""


def read(
    given: str,
    *,
    metric: str | None = None,
    higher_is_better: bool = True,
    task: Task | None = None,
    items: Sequence[Record] = (),
) -> Scored:
    """Read the scored items of one system.

    Args:
        given: a path; of a run, ``PATH@base`` is its base model. ``NAME=PATH`` gives it a name.
        metric: of logs of other harnesses, which of their metrics; the first one if not given.
        higher_is_better: of logs of other harnesses, which do not say it.
        task: scores files of predictions.
        items: those that the predictions answer.

    Raises:
        UsageError: if there is no such file, or it is of no known form.
        InputError: if its content is not of its form.
    """
    label, _, place = given.rpartition("=")
    path = place.removesuffix("@base")
    folder = Path(path)
    name = label or _short(folder) + ("@base" if path != place else "")
    if RunFolder(folder).ledger.is_file():
        return read_run(name, folder, base=path != place)
    if not folder.is_file():
        raise UsageError(f"there is no file or finished run '{path}'", fix=f"give {FORMS}")
    if folder.stat().st_size > LARGEST:
        raise UsageError(f"{path} is larger than {LARGEST >> 30} GiB", fix="compare a smaller file")
    if zipfile.is_zipfile(folder):
        return _inspect(name, folder, _samples_of_archive(folder), metric, higher_is_better)
    value = _json(folder)
    if isinstance(value, dict) and isinstance(value.get("samples"), list):
        return _inspect(name, folder, value["samples"], metric, higher_is_better)
    if isinstance(value, dict) and {"task", "metric", "items"} <= value.keys():
        return _report(name, folder, value)
    rows = [value] if isinstance(value, dict) else _lines(folder)
    if rows and all(isinstance(row, dict) and "doc_id" in row for row in rows):
        return _lm_eval(name, folder, rows, metric, higher_is_better)
    if rows and all(isinstance(row, dict) and {"id", "output"} <= row.keys() for row in rows):
        return _predictions(name, folder, rows, task, items)
    raise UsageError(f"{path} is none of the files that can be compared", fix=f"give {FORMS}")


def _short(path: Path) -> str:
    return path.stem if path.suffix in (".json", ".jsonl", ".eval") else path.resolve().name


def read_run(name: str, folder: Path, *, base: bool = False) -> Scored:
    """Read the test items of a finished run: as its best model answered them, or as its base model did.

    Raises:
        UsageError: if it has not ended, or has no verdicts on test items.
    """
    with Ledger(RunFolder(folder).ledger.parent, writable=False) as ledger:
        history = History(ledger)
        begun, result = history.first(RunBegun), history.finished
        verdicts = history.test_items.get("baseline" if base else "best", [])
        test = history.first(TestScored)
    if begun is None or result is None:
        raise UsageError(f"the run in {folder} has not ended", fix="run the command that began it again to finish it")
    if not verdicts:
        raise UsageError(
            f"the run in {folder} has no verdicts on test items", fix="compare a run whose test was scored"
        )
    score = (result.baseline if base else result.best).test
    best = begun.metric_range(0.0)
    # Verdicts of different judges do not compare.
    metric = " ".join(filter(None, [begun.configuration.judge, begun.metric]))
    pooled = score is None or not math.isclose(
        best * subtask_mean(verdicts, lambda v: v.score), score.value, abs_tol=1e-6
    )

    def system(name: str, source: str, found: Sequence[ItemScore]) -> Scored:
        return Scored(
            name=name,
            source=source,
            metric=metric,
            higher_is_better=begun.higher_is_better,
            best_value=best,
            pooled=pooled,
            items={v.id: Item(v.score, v.subtask, gold_class(v)) for v in found},
            verdicts={v.id: v for v in found},
            task=begun.task,
        )

    easy = test.trivial_items if test else {}
    which = "base model" if base else "best model"
    return replace(
        system(name, ", ".join(filter(None, ["run", which, name_prompts(begun.configuration.prompts)])), verdicts),
        untrained=tuple(
            system(TRIVIAL_NAMES[key], f"run {folder.resolve().name}", found) for key, found in easy.items()
        ),
    )


def _report(name: str, path: Path, value: dict[str, Any]) -> Scored:
    try:
        report = ScoreReport.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _bad(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    verdicts = {
        item.id: ItemScore(
            id=item.id,
            subtask=item.subtask,
            score=item.score,
            parsed=item.parsed,
            error=item.error,
            metrics=item.metrics,
        )
        for item in report.items
    }
    best = 100.0 if report.higher_is_better else 0.0
    scores = list(verdicts.values())
    mean = 100.0 * subtask_mean(scores, lambda v: v.score) if scores else 0.0
    return Scored(
        name=name,
        source="file of ftdojo score",
        metric=report.metric,
        higher_is_better=report.higher_is_better,
        best_value=best,
        pooled=not math.isclose(mean, report.value, abs_tol=1e-6),
        items={v.id: Item(v.score, v.subtask, gold_class(v)) for v in scores},
        verdicts=verdicts,
        task=report.task,
    )


def _predictions(name: str, path: Path, rows: list[Any], task: Task | None, items: Sequence[Record]) -> Scored:
    if task is None or not items:
        raise UsageError(f"{path} holds predictions", fix="say with --task and --items what they answer")
    verdicts = task.scorer.score(items, pair(items, rows, where=path.name))
    return Scored(
        name=name,
        source="predictions",
        metric=task.spec.metric,
        higher_is_better=task.spec.higher_is_better,
        best_value=task.spec.best_value,
        pooled=task.spec.pooled,
        items={v.id: Item(v.score, v.subtask, gold_class(v)) for v in verdicts},
        verdicts={v.id: v for v in verdicts},
        task=task.spec.id,
    )


def _lm_eval(name: str, path: Path, rows: list[dict[str, Any]], metric: str | None, higher_is_better: bool) -> Scored:
    pipelines = list(dict.fromkeys(str(row.get("filter", "none")) for row in rows))
    offered = list(dict.fromkeys(str(m) for row in rows for m in _list(row.get("metrics"))))
    asked, _, pipeline = (metric or "").partition(",")
    chosen = asked or (offered[0] if offered else "")
    pipeline = pipeline or pipelines[0]
    if chosen not in offered or pipeline not in pipelines:
        have = ", ".join(f"{m},{p}" for m in offered for p in pipelines)
        raise UsageError(f"{path} has no metric '{metric or ''}'", fix=f"--metric takes one of: {have or 'none'}")
    items = {}
    for row in rows:
        if str(row.get("filter", "none")) == pipeline:
            items[str(row["doc_id"])] = (_number(row.get(chosen), path, f"doc_id {row['doc_id']}: {chosen}"), row)
    source = f"lm-evaluation-harness, {pipeline}" if len(pipelines) > 1 else "lm-evaluation-harness"
    grouped = _grouped({key: (score, row.get("target")) for key, (score, row) in items.items()})
    return _of_log(name, source, chosen, grouped, higher_is_better)


def _inspect(name: str, path: Path, samples: Iterable[Any], metric: str | None, higher_is_better: bool) -> Scored:
    found: dict[str, list[tuple[float, Any]]] = {}
    chosen = metric
    offered: dict[str, None] = {}
    for sample in samples:
        if not isinstance(sample, dict) or "id" not in sample:
            raise _bad(path, "has a sample without an id")
        scores = sample.get("scores") or {}
        if not isinstance(scores, dict):
            raise _bad(path, f"sample {sample['id']}: its scores are no object")
        offered |= dict.fromkeys(map(str, scores))
        chosen = chosen or next(iter(offered), None)
        if chosen in scores:
            value = scores[chosen].get("value") if isinstance(scores[chosen], dict) else None
            value = INSPECT.get(value, value) if isinstance(value, str) else value
            score = _number(value, path, f"sample {sample['id']}: {chosen}")
            found.setdefault(str(sample["id"]), []).append((score, sample.get("target")))
    if not found:
        have = ", ".join(offered) or "none"
        raise UsageError(f"{path} has no scores '{metric or ''}'", fix=f"--metric takes one of: {have}")
    # Epochs are repeated answers to one item.
    means = {key: (sum(score for score, _ in tries) / len(tries), tries[0][1]) for key, tries in found.items()}
    return _of_log(name, "Inspect", str(chosen), _grouped(means), higher_is_better)


def _of_log(name: str, source: str, metric: str, items: dict[str, Item], higher_is_better: bool) -> Scored:
    """The scores of another harness: as per cent if they are from 0 to 1, else in their own unit."""
    scores = [item.score for item in items.values()]
    shares = all(0.0 <= score <= 1.0 for score in scores)
    return Scored(
        name=name,
        source=source,
        metric=metric,
        higher_is_better=higher_is_better,
        best_value=100.0 if shares else 1.0,
        bounds=(0.0, 1.0) if shares else (min(scores), max(scores)),
        items=items,
        verdicts={},
    )


def _samples_of_archive(path: Path) -> Iterator[Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                m for m in archive.infolist() if m.filename.startswith("samples/") and m.filename.endswith(".json")
            ]
            if sum(member.file_size for member in members) > LARGEST:
                raise UsageError(f"{path} holds more than {LARGEST >> 30} GiB", fix="compare a smaller log")
            for member in members:
                try:
                    yield json.loads(_member(path, archive, member))
                except (ValueError, RecursionError):
                    raise _bad(path, f"{member.filename} is no JSON") from None
    except NotImplementedError:
        fix = "convert it with `inspect log convert --to json`"
        raise UsageError(f"{path} is compressed in a way that this Python cannot read", fix=fix) from None
    except (zipfile.BadZipFile, struct.error, EOFError) as error:
        raise _bad(path, f"is a damaged archive: {error}") from None


def _member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The content of a member of an archive, also of one that Zstandard compressed."""
    if member.compress_type != ZSTANDARD:
        return archive.read(member)
    import pyarrow

    with path.open("rb") as stream:
        stream.seek(member.header_offset)
        name, extra = struct.unpack(LENGTHS, stream.read(LOCAL_HEADER)[26:])
        stream.seek(name + extra, os.SEEK_CUR)
        packed = stream.read(member.compress_size)
    try:
        content = bytes(pyarrow.decompress(packed, decompressed_size=member.file_size, codec="zstd", asbytes=True))
    except OSError as error:
        raise zipfile.BadZipFile(str(error)) from None
    if zlib.crc32(content) != member.CRC:
        raise zipfile.BadZipFile(f"{member.filename} has another checksum")
    return content


def _grouped(scores: dict[str, tuple[float, Any]]) -> dict[str, Item]:
    """Return the items; grouped by their right answers, if these are texts, few, and more than one item each."""
    targets = [target for _, target in scores.values()]
    counts = Counter(target for target in targets if isinstance(target, str))
    few = sum(counts.values()) == len(targets) and 1 < len(counts) <= MOST_SHOWN and min(counts.values()) > 1
    return {key: Item(score, group=target if few else "") for key, (score, target) in scores.items()}


def _json(path: Path) -> Any:
    """Return the value of a file that holds one JSON value; ``None`` for other files, such as JSON lines."""
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None


def _lines(path: Path) -> list[Any]:
    return [row for _, row in scan_jsonl(path)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any, path: Path, where: str) -> float:
    if isinstance(value, (bool, int, float)) and math.isfinite(value):
        return float(value)
    raise _bad(path, f"{where} is {str(value)[:60]!r}, not a number")


def _bad(path: Path, message: str) -> InputError:
    fix = "write the file again with the tool that made it"
    return InputError([Finding(code="bad_scores", gate=0, message=message, where=path.name, fix=fix)])
