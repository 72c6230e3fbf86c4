"""A user's own task as a folder: ``task.toml``, ``train.jsonl``, ``eval.jsonl`` and, optionally, ``scorer.py``.

The two data files may have any form that is read (:mod:`ftdojo.tasks.raw_files`): ``train.csv``, ``eval.parquet``.

The key ``scorer`` names the scorer: a built-in one; ``scorer.py``, which is in the folder and runs in the sandbox; or
a plug-in of the user's own environment, by its name or as ``module:Attribute``, which is trusted like any
installed package (:mod:`ftdojo.tasks.scorers`). With ``judge``, a language model judges (:mod:`ftdojo.tasks.judged`).

Of rows of the evaluation file with the same prompt one is kept, and the answers of the others are right, too. The items
are split into validation and test by a hash of the prompt, within each sub-task; the training file becomes the raw data
unchanged. The data variant is called ``folder``.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from ftdojo.contract.methods import require_methods
from ftdojo.contract.recipe_program.templates import to_text
from ftdojo.contract.row import SURROGATE
from ftdojo.contract.task_spec import JUDGED, MAX_CHANGE, RUBRIC, Message, RawSource, Record, Rendering, Rules, TaskSpec
from ftdojo.contract.train_config import TrainConfig
from ftdojo.errors import InputError, UsageError
from ftdojo.files import require_inside
from ftdojo.findings import Finding, Severity
from ftdojo.schema import StrictModel, load_file
from ftdojo.tasks import answers, raw_files, scorers, template
from ftdojo.tasks.bounded_template import BoundedTemplate
from ftdojo.tasks.external import CodeRunner, ExternalScorer
from ftdojo.tasks.judged import JudgedScorer
from ftdojo.tasks.rows import MAX_FINDINGS, write_jsonl
from ftdojo.tasks.spec import Scorer, Sources, Task, Variant

ALSO_RIGHT = "also_right"
"""The field of an item with the answers of further rows that have its prompt."""
FILES = ("task.toml", "scorer.py")
SHOWN_FIELDS = 20
MANY_ITEMS = 4000


class RulesTable(StrictModel):
    """The table ``[rules]``: the limits of a submission."""

    max_rows: int = Field(2000, ge=1, description="most training rows")
    methods: list[str] = Field(list(TrainConfig.methods), min_length=1, description="allowed methods of train.yaml")
    wall_s: float = Field(12 * 3600.0, gt=0, description="most wall-clock time of a run, in seconds")
    max_change: float = Field(
        MAX_CHANGE,
        gt=0,
        description="of method program: how far train.py may move a tensor, as a share of the tensor's norm",
    )

    @field_validator("methods")
    @classmethod
    def _known(cls, methods: list[str]) -> list[str]:
        return list(require_methods(methods))


class TaskFile(StrictModel):
    """``task.toml``."""

    id: str = Field(pattern=r"^[a-z0-9_-]+/[a-z0-9_-]+$", description="domain/name")
    domain: str = Field(description="the part of the id before the slash")
    objective: str = Field(min_length=1, description="what the model must learn, in words, for agents")
    output_format: str = Field(min_length=1, description="what the scorer accepts, in words")
    scorer: str = Field(
        description="how an answer is compared with the gold text: exact, json, number, choice, tokens, rouge, "
        "translation, labels, judge, your own scorer.py, or a plug-in such as module:Attribute"
    )
    metric: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="one of the scorer's; any name with scorer.py")
    prompt: str = Field(min_length=1, description="Jinja template over a row")
    answer: str = Field(min_length=1, description="the field with the gold text, or a Jinja template")
    subtask: str = Field("", pattern=r"^\w*$", description="the field that names a row's sub-task")
    choices: list[str] = Field([], description="all answers, for the scorer choice; all labels, for labels")
    tolerance: float = Field(0.0, ge=0, lt=1, description="relative, for the scorer number")
    absolute_tolerance: float = Field(0.0, ge=0, description="in the unit of the answer, for the scorer number")
    worst: float = Field(0.0, ge=0, description="for the metric mae: the largest error that an answer can have")
    weights: dict[str, float] = Field({}, description="field -> how much it counts, for the scorer json; otherwise 1")
    judge_test: bool = Field(
        False, description="for the scorer judge: whether it may judge the sealed test, whose items it then sees"
    )
    max_new_tokens: int = Field(256, ge=1, le=32768, description="longest answer of a model, in tokens")
    licence: str = Field("not stated", description="licence of the data")
    rules: RulesTable = Field(RulesTable(), description="limits of a submission and of a run")

    @field_validator("prompt", "answer")
    @classmethod
    def _compiles(cls, text: str) -> str:
        template.compile_template(text)
        return text

    @model_validator(mode="after")
    def _consistent(self) -> TaskFile:
        if self.id.split("/")[0] != self.domain:
            raise ValueError(f"id must begin with the domain: '{self.domain}/…'")
        if self.scorer != "labels" and (self.scorer == "choice") != (len(self.choices) > 1):
            raise ValueError("scorer 'choice' needs at least two choices, and only 'labels' takes any, too")
        if (self.tolerance or self.absolute_tolerance) and (self.scorer != "number" or self.metric == "mae"):
            raise ValueError("only scorer 'number' with metric 'accuracy' takes a tolerance")
        if (self.metric == "mae" and self.scorer == "number") != bool(self.worst):
            raise ValueError("metric 'mae' of scorer 'number' needs 'worst', and no other metric takes it")
        if self.weights and self.scorer != "json":
            raise ValueError("only scorer 'json' takes weights")
        if self.judge_test and self.scorer != "judge":
            raise ValueError("only scorer 'judge' takes judge_test")
        if any(not (0 <= weight < math.inf) for weight in self.weights.values()):
            raise ValueError("weights are 0 or more")
        return self

    @property
    def answer_template(self) -> str:
        """``answer`` as a template, also if it is the name of a field."""
        return self.answer if template.is_template(self.answer) else template.field(self.answer)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads prompt, gold text and sub-task of a row with the templates of a task file."""

    prompt_template: BoundedTemplate
    answer_template: BoundedTemplate
    subtask_field: str
    several_in: str = ""
    """The field of which a list is several right answers; none if it is blank."""

    @classmethod
    def from_file(cls, file: TaskFile, *, several: bool = False) -> Reader:
        """Make the reader of a task file; with ``several``, a list in the answer field is several right answers."""
        return cls(
            BoundedTemplate(file.prompt, strict=True),
            BoundedTemplate(file.answer_template, strict=True, answer=True),
            file.subtask,
            file.answer if several and not template.is_template(file.answer) else "",
        )

    def prompt(self, row: Record) -> list[Message]:
        """Return the prompt as one user turn."""
        return [{"role": "user", "content": self.text(row)}]

    def text(self, row: Record) -> str:
        """Return the text of the prompt."""
        return self.prompt_template.render(row)

    def gold(self, row: Record) -> str:
        """Return the gold text, of several right answers the first."""
        value = row.get(self.several_in)
        if isinstance(value, list) and value:
            row = {**row, self.several_in: value[0]}
        return self.answer_template.render(row)

    def golds(self, row: Record) -> list[str]:
        """Return all right answers: those of a list, and those of other rows with the same prompt."""
        value = row.get(self.several_in)
        parts = value if isinstance(value, list) and value else [value]
        own = [
            self.answer_template.render({**row, self.several_in: part} if self.several_in else row) for part in parts
        ]
        return list(dict.fromkeys([*filter(None, own), *row.get(ALSO_RIGHT, [])]))

    def subtask(self, row: Record) -> str:
        """Return the sub-task, or ``""`` if the task has none.

        Raises:
            ValueError: if the row names none.
        """
        name = to_text(row.get(self.subtask_field)) if self.subtask_field else ""
        if self.subtask_field and not name:
            raise ValueError(f"has no '{self.subtask_field}', which names its sub-task")
        return name


@dataclass(frozen=True, slots=True)
class RowPrompt:
    """The prompt of a task folder: one template for evaluation items and raw rows, which have the same fields."""

    template: str
    reader: Reader

    def __call__(self, row: Record) -> list[Message]:
        """Return the prompt as one user turn."""
        return self.reader.prompt(row)


def load_folder(path: Path, *, runner: CodeRunner | None = None) -> Task:
    """Load the task in the folder ``path``.

    Args:
        path: the folder.
        runner: runs ``scorer.py``, if the task has one; without it such a task can be loaded but not scored.

    Raises:
        UsageError: if there is no such folder, or one of its files is a link to something outside.
        InputError: if a file is missing or invalid; every invalid row is named.
    """
    if not path.is_dir():
        raise UsageError(f"there is no folder '{path}'", fix="`ftdojo task new NAME` writes a task folder")
    require_inside(path, "the task folder", FILES)
    file = load_file(path / "task.toml", TaskFile)
    plugin = None if file.scorer == "scorer.py" else _plugin(file, path)
    reader = Reader.from_file(file, several=plugin is not None and scorers.takes_several(plugin))
    train, evaluation = raw_files.find_table(path, "train"), raw_files.find_table(path, "eval")
    require_inside(path, "the task folder", (train.name, evaluation.name, *_scoring_files(file)))
    rows = raw_files.read_rows(evaluation)
    _require_answers(file.answer, rows, evaluation.name)
    items = evaluation_items(rows, reader, evaluation.name)
    for needed in (train, *(path / name for name in _scoring_files(file))):
        if not needed.is_file():
            raise _fault("missing_file", needed.name, "the file does not exist", f"write it into {path}")
    scorer = _scorer(plugin, file, path, reader, runner)
    if isinstance(scorer, answers.AnswerScorer):
        scorer.score(items, [""] * len(items))  # raises an error that names every gold answer of the wrong form
    return Task(
        spec=_spec(file, plugin, reader, items, train.name),
        prompt=RowPrompt(file.prompt, reader),
        scorer=scorer,
        variants={"folder": Variant(build=partial(_build, train, reader, items))},
        version=_version(path, (train, evaluation), file, plugin),
        notes=tuple(_notes(rows, items, evaluation)),
    )


def _require_answers(answer: str, rows: Sequence[Record], file: str) -> None:
    """Raise an error if ``answer`` names a field that no row has."""
    fields = dict.fromkeys(str(name) for row in rows for name in row)
    if not template.is_template(answer) and rows and answer not in fields:
        nearest = difflib.get_close_matches(answer, fields, n=1)
        fix = f"did you mean '{nearest[0]}'? " if nearest else ""
        shown = ", ".join(f"'{name}'" for name in list(fields)[:SHOWN_FIELDS])
        message = f"no row of {file} has a field '{answer}', and it is no template with {{{{ … }}}}"
        raise _fault("unknown_field", "task.toml: answer", message, f"{fix}the fields are {shown}")


def _notes(rows: Sequence[Record], items: Sequence[Record], file: Path) -> Iterator[Finding]:
    """Yield what the owner of a task should know about its evaluation file."""
    if unusual := raw_files.describe_text(file):
        yield _finding("other_encoding", file.name, unusual, "save the file as UTF-8", severity="warning")
    if left_out := len(rows) - len(items):
        message = f"{left_out} of {len(rows)} rows have the prompt of an earlier row; it is asked once"
        fix = "write every prompt once, unless it has several right answers"
        yield _finding("repeated_prompts", file.name, message, fix, severity="warning")

    if len(items) > MANY_ITEMS:
        message = f"every model answers half of the {len(items)} items, which takes long"
        fix = "keep a thousand of them: more hardly narrows the interval"
        yield _finding("many_items", file.name, message, fix, severity="warning")


def evaluation_items(rows: Sequence[Record], reader: Reader, file: str = "eval.jsonl") -> list[dict[str, Any]]:
    """Make the items of the evaluation file: the rows with an ``id`` and, if the task has sub-tasks, a ``subtask``.

    A row's own ``id`` is kept; otherwise it is a hash of the prompt. Rows with a repeated prompt are dropped.

    Raises:
        InputError: naming the rows without prompt, answer or sub-task, or with a duplicate ``id``; or if there are too
            few items.
    """
    items: dict[str, dict[str, Any]] = {}
    findings, names = [], set()
    for number, row in enumerate(rows, start=1):
        where = f"{file}: row {number}"
        try:
            prompt, gold, subtask = reader.text(row), reader.gold(row), reader.subtask(row)
        except (ValueError, KeyError) as error:
            findings.append(_finding("bad_row", where, str(error), "add the fields that task.toml names to the row"))
            continue
        own, hashed = row.get("id"), hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        name = hashed if own is None or own == "" else str(own)
        if any(map(SURROGATE.search, (prompt, gold, subtask, name))):
            message = r"holds half a character (a lone surrogate such as \ud83d), as text has that was cut"
            findings.append(_finding("bad_row", where, message, "write the whole character, or remove it"))
        elif not prompt or not gold.strip():
            findings.append(_finding("bad_row", where, "its prompt or answer is blank", "fill it in, or drop the row"))
        elif prompt in items:
            _add_answers(items[prompt], reader, row)
        elif name in names:
            findings.append(_finding("double_id", where, f"its id '{name}' was used before", "make ids unique"))
        else:
            names.add(name)
            kept = {key: without_bytes(value) for key, value in row.items()}
            items[prompt] = {**kept, "id": name, **({"subtask": subtask} if reader.subtask_field else {})}
    found = [reader.subtask(item) for item in items.values()]
    for subtask in sorted(set(found)) or [""]:
        if found.count(subtask) < 2:
            label = f"sub-task '{subtask}'" if subtask else "the task"
            message = f"{label} has {found.count(subtask)} different prompts"
            fix = "write at least two, preferably a hundred"
            findings.append(_finding("too_few_items", file, message, fix))
    if findings:
        raise InputError(findings[:MAX_FINDINGS])
    return list(items.values())


def _add_answers(item: dict[str, Any], reader: Reader, row: Record) -> None:
    """Take the answers of a further row with the prompt of an item as right ones, too."""
    others = [answer for answer in reader.golds(row) if answer not in reader.golds(item)]
    if others:
        item[ALSO_RIGHT] = [*item.get(ALSO_RIGHT, []), *others]


def split_items(items: Sequence[Record], reader: Reader) -> tuple[list[Record], list[Record]]:
    """Split items into validation and test: sort each sub-task by the SHA-256 of its prompts, and cut in the middle."""
    groups: dict[str, list[tuple[str, Record]]] = {}
    for item in items:
        key = hashlib.sha256(reader.text(item).encode("utf-8", "surrogatepass")).hexdigest()
        groups.setdefault(reader.subtask(item), []).append((key, item))
    validation: list[Record] = []
    test: list[Record] = []
    for _, group in sorted(groups.items()):
        ordered = [item for _, item in sorted(group, key=lambda pair: pair[0])]
        middle = (len(ordered) + 1) // 2
        validation += ordered[:middle]
        test += ordered[middle:]
    return validation, test


def without_bytes(value: Any) -> Any:
    """Return a value without its bytes, such as pictures, which no JSON file holds."""
    if isinstance(value, dict):
        return {key: without_bytes(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_bytes(inner) for inner in value]
    return None if isinstance(value, bytes) else value


def _build(train: Path, reader: Reader, items: Sequence[Record], folder: Path, sources: Sources) -> None:
    (folder / "raw").mkdir()
    shutil.copyfile(train, folder / "raw" / train.name)
    validation, test = split_items(items, reader)
    write_jsonl(folder / "validation.jsonl", validation)
    write_jsonl(folder / "test.jsonl", test)


def _spec(
    file: TaskFile, plugin: scorers.ScorerPlugin | None, reader: Reader, items: Sequence[Record], train: str
) -> TaskSpec:
    raw = Rendering(
        name="raw",
        prompt=file.prompt,
        completion=template.first_of(file.answer) if reader.several_in else file.answer_template,
        description="the row as it stands",
    )
    scale = scorers.Scale() if plugin is None else scorers.scale_of(plugin, file.metric)
    clean = _clean_json(file, [reader.gold(item) for item in items]) if file.scorer == "json" else ()
    return TaskSpec(
        id=file.id,
        domain=file.domain,
        objective=file.objective,
        output_format=file.output_format,
        metric=file.metric,
        higher_is_better=scale.higher_is_better,
        best_value=scale.best_value,
        pooled=scale.pooled,
        subtasks=tuple(sorted({reader.subtask(item) for item in items} - {""})),
        max_new_tokens=file.max_new_tokens,
        raw_sources=(RawSource(path=train, subtask="", description="the user's rows", renderings=(raw, *clean)),),
        evaluation_source="eval.jsonl",
        licence=file.licence,
        rules=Rules(**{**file.rules.model_dump(), "methods": tuple(file.rules.methods)}),
    )


def _clean_json(file: TaskFile, golds: Sequence[str]) -> tuple[Rendering, ...]:
    """Return the rendering that keeps only answers with the fields of the gold answers, if these all have the same."""
    keys = list(json.loads(golds[0]))
    if any(json.loads(gold).keys() != set(keys) for gold in golds):
        return ()
    names = [json.dumps(key) for key in keys]
    test = " and ".join(f"{name} in value" for name in names)
    fields = ", ".join(f"{name}: value[{name}]" for name in names)
    completion = (
        f"{{% set text %}}{file.answer_template}{{% endset %}}{{% set value = text | from_json %}}"
        f"{{% if value is mapping and {test} %}}{{{{ {{{fields}}} | to_json }}}}{{% endif %}}"
    )
    description = f"the answer as one line of JSON with {', '.join(keys)} in this order; rows without them are skipped"
    return (Rendering(name="answer", prompt=file.prompt, completion=completion, description=description),)


def _plugin(file: TaskFile, path: Path) -> scorers.ScorerPlugin:
    try:
        found = scorers.find_scorer(file.scorer, path)
    except UsageError as error:
        raise _fault("bad_value", "task.toml: scorer", error.message, f"{error.fix}; or scorer.py") from None
    if file.metric not in found.metrics:
        message = f"the metric of scorer '{file.scorer}' must be one of: {', '.join(found.metrics)}"
        raise _fault("bad_value", "task.toml", message, "change the metric or the scorer")
    return found


def _scorer(
    plugin: scorers.ScorerPlugin | None, file: TaskFile, path: Path, reader: Reader, runner: CodeRunner | None
) -> Scorer:
    if plugin is None:
        return ExternalScorer(path / "scorer.py", reader.gold, reader.subtask, runner)
    setup = scorers.ScorerSetup(
        metric=file.metric,
        gold=reader.gold,
        subtask=reader.subtask,
        choices=tuple(file.choices),
        tolerance=file.tolerance,
        errors=scorers.Errors(tolerance=file.absolute_tolerance, worst=file.worst),
        weights=file.weights,
        golds=reader.golds,
    )
    scorer = plugin.create(setup)
    scorers.SCORERS.check(scorer, file.scorer, ("score", "value", "metrics", "gold"))
    if file.scorer == "judge":
        return JudgedScorer(folder=path, may_test=file.judge_test, unasked=scorer)
    return scorer


def _has_version(file: TaskFile, plugin: scorers.ScorerPlugin) -> bool:
    """Whether the version of the scorer is part of the task's: not for built-in ones that have never changed."""
    return file.scorer not in scorers.SCORERS.built_in or plugin.version != "1"


def _scoring_files(file: TaskFile) -> tuple[str, ...]:
    """Return the names of the files that the scorer needs."""
    if file.scorer == "judge":
        return (RUBRIC, JUDGED)
    return ("scorer.py",) if file.scorer == "scorer.py" else ()


def _version(path: Path, tables: Sequence[Path], file: TaskFile, plugin: scorers.ScorerPlugin | None) -> str:
    """Return a digest of the folder's files and a plug-in's version, so that no result is reused for a changed task."""
    digest = hashlib.sha256()
    if plugin is not None and _has_version(file, plugin):
        digest.update(f"scorer {plugin.version}\n".encode())
    names = ("task.toml", *(table.name for table in tables), "scorer.py")
    for name in (*names, *(name for name in _scoring_files(file) if name not in names)):
        content = (path / name).read_bytes() if (path / name).is_file() else b""
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def _finding(code: str, where: str, message: str, fix: str, severity: Severity = "error") -> Finding:
    return Finding(code=code, gate=0, severity=severity, message=message, where=where, fix=fix)


def _fault(code: str, where: str, message: str, fix: str) -> InputError:
    return InputError([_finding(code, where, message, fix)])
