"""A task folder of somebody's rows, and the account of what was found in them."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ftdojo.contract.task_spec import Record
from ftdojo.data.intake.answers import Scoring, choose_scorer, gold_of, labels_of
from ftdojo.data.intake.forms import Form, find_form, holds_bytes, text_of
from ftdojo.data.intake.source import Source, load_source
from ftdojo.data.intake.split import group, split
from ftdojo.data.overlap import OverlapIndex
from ftdojo.errors import UsageError
from ftdojo.files import BY_UMASK, write_file
from ftdojo.schema import StrictModel
from ftdojo.tasks.bounded_template import BoundedTemplate
from ftdojo.tasks.folder import without_bytes
from ftdojo.tasks.rows import has_half_character, write_jsonl
from ftdojo.tasks.scaffold import split_name

MOST_EVALUATION = 1000
"""Evaluation rows of a new task: half of them are answered by every model."""
LEAST_EVALUATION, ENOUGH = 4, 80
"""Fewer evaluation rows are refused; with fewer than enough, only large gains can be shown."""
MOST_IN_GROUP = 0.3
"""If more of the rows than this are linked by near-duplicates, these are no sign of copies."""
TOKEN_ROWS = 2000
"""Tokens are counted on at most this many rows."""
SPARE = 1.25
"""The limit of new tokens is this much above the longest answer, and a few tokens."""

Count = Callable[[list[str]], list[int]]
"""The number of tokens of each text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the user wishes for a new task; ``None`` is found from the rows."""

    answer: str | None = None
    """Column with the answer."""
    prompt: str | None = None
    """Column, or Jinja template over a row."""
    share: float = 0.2
    """Of the rows for evaluation, 0 to 1."""
    system: str = ""
    """Text that stands before every prompt."""


class Lengths(StrictModel):
    """Lengths of texts, in tokens of the base model."""

    median: int
    longest: int


class Intake(StrictModel):
    """What was found in the data, and what was made of it."""

    folder: str
    files: list[str]
    form: str
    columns: dict[str, int]
    """Column -> number of rows in which it is missing: absent, null or blank."""
    prompt: str
    answer: str
    rows: int
    """Rows that were read."""
    left_out: dict[str, int]
    """Reason -> rows that are in neither file of the task."""
    grouped: int
    """Rows that stay on one side of the split with another one: near-duplicates, or rows about one document."""
    train: int
    evaluation: int
    scorer: str
    metric: str
    why: str
    classes: dict[str, int]
    """Answer -> rows, most frequent first, if answers are classes."""
    prompt_tokens: Lengths
    answer_tokens: Lengths
    max_new_tokens: int
    remarks: list[str]


@dataclass(frozen=True, slots=True)
class _Example:
    row: Record
    prompt: str
    answer: str


def make_task(name: str, folder: Path, source: str, wishes: Wishes, count: Count) -> Intake:
    """Write a task folder of the rows of ``source``: a file, a folder or a hub id.

    Args:
        name: ``name`` or ``domain/name`` of the task.
        folder: where it is written; it may exist only if it is empty.
        source: where the rows come from.
        wishes: what the user wishes.
        count: counts tokens.

    Raises:
        UsageError: for a name, a folder, a source or a column that cannot be used.
        PrerequisiteError: if a library is missing, or the hub cannot be reached.
    """
    domain, short = split_name(name, folder)
    if not 0 < wishes.share < 1:
        raise UsageError(f"--split {wishes.share:g} is no share", fix="give a number between 0 and 1, such as 0.2")
    found = load_source(source)
    form = find_form([*found.rows, *found.evaluation], prompt=wishes.prompt, answer=wishes.answer)
    left_out = Counter({"is no object": found.unreadable, **form.left_out})
    examples = _read(form, form.prompt, left_out)
    scoring = choose_scorer([example.row[form.answer] for example in examples])
    if scoring.scorer != "labels":
        examples = [replace(example, answer=gold_of(example.row[form.answer])) for example in examples]
    prompt = _instructed(form.prompt, scoring, wishes)
    groups, alike = _groups([example.prompt for example in examples])
    asks = BoundedTemplate(prompt)
    examples = [replace(example, prompt=asks.render(example.row)) for example in examples]
    train, evaluation = _sides(examples, groups, found, form, scoring, wishes, left_out)
    if not alike:
        train = _without_items(train, evaluation, left_out)
    sample = examples[:: max(1, len(examples) // TOKEN_ROWS)]
    prompts, answers = (count([getattr(e, part) for e in sample]) for part in ("prompt", "answer"))
    # The longest answer may not be in the sample; it is counted by itself.
    longest = max([*answers, *count([max((e.answer for e in examples), key=len)])])
    limit = min(32768, math.ceil(SPARE * longest) + 4)
    task = _task_file(f"{domain}/{short}", domain, prompt, form.answer, scoring, limit, found.files)
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "task.toml", task, mode=BY_UMASK)
    columns = {str(column): 0 for row in form.rows for column in row}
    for file, chosen in (("train.jsonl", train), ("eval.jsonl", evaluation)):
        write_jsonl(folder / file, (_plain(example.row, columns) for example in chosen))
    sizes = Counter(groups)
    for row in form.rows:
        for column in columns:
            columns[column] += not holds_bytes(row.get(column)) and not text_of(row.get(column))
    classes = _classes(examples, form.answer, scoring)
    return Intake(
        folder=str(folder),
        files=found.files,
        form=form.name,
        columns=columns,
        prompt=prompt,
        answer=form.answer,
        rows=len(found.rows) + len(found.evaluation),
        left_out={reason: number for reason, number in left_out.items() if number},
        grouped=sum(size for size in sizes.values() if size > 1),
        train=len(train),
        evaluation=len(evaluation),
        scorer=scoring.scorer,
        metric=scoring.metric,
        why=scoring.why,
        classes=dict(classes.most_common()),
        prompt_tokens=_lengths(prompts),
        answer_tokens=Lengths(median=_lengths(answers).median, longest=longest),
        max_new_tokens=limit,
        remarks=[*found.remarks, *form.remarks, *filter(None, (_few(evaluation, scoring), scoring.warning, alike))],
    )


def _classes(examples: Sequence[_Example], answer: str, scoring: Scoring) -> Counter[str]:
    """Return how many rows have each class or label; nothing if answers are neither."""
    if scoring.scorer == "labels":
        return Counter(label for example in examples for label in set(labels_of(example.row[answer]) or ()))
    return Counter(example.answer for example in examples) if scoring.choices else Counter()


def _few(evaluation: Sequence[_Example], scoring: Scoring) -> str:
    """Return a remark if the evaluation rows are too few to show anything but large gains; otherwise nothing."""
    if len(evaluation) >= ENOUGH:
        return ""
    items = (len(evaluation) + 1) // 2
    margin = f", where an accuracy of 50 % is known to ±{round(98 / math.sqrt(items))} points"
    return (
        f"{len(evaluation)} rows for evaluation make {items} for validation"
        f"{margin if scoring.metric == 'accuracy' else ''}: keep at least {ENOUGH}, by more rows or a larger --split"
    )


def _groups(prompts: Sequence[str]) -> tuple[list[int], str]:
    """Return the groups of prompts, and a remark if they are too much alike to keep near-duplicates together."""
    groups = group(prompts)
    if max(Counter(groups).values()) <= max(2, MOST_IN_GROUP * len(prompts)):
        return groups, ""
    remark = "prompts are so much alike that only equal ones are kept together; `ftdojo task check` counts the others"
    return group(prompts, near=False), remark


def _read(form: Form, template: str, left_out: Counter[str]) -> list[_Example]:
    """Render prompt and answer of every row. Rows without one are counted, and so are prompts that came before.

    Raises:
        UsageError: if no row has both.
    """
    try:
        asks = BoundedTemplate(template)
    except ValueError as error:
        raise UsageError(f"--prompt: {error}", fix="write {{ column }} where a column's text is due") from None
    examples: list[_Example] = []
    seen: dict[str, str] = {}
    for row in form.rows:
        answer = text_of(row.get(form.answer))
        try:
            prompt = asks.render(row)
        except ValueError:
            prompt = ""
        if not answer:
            left_out["has no answer"] += 1
        elif not prompt:
            left_out["has no prompt"] += 1
        elif has_half_character([prompt, answer]):
            left_out["holds half a character"] += 1
        elif prompt in seen:
            left_out["repeats a prompt" if seen[prompt] == answer else "repeats a prompt with another answer"] += 1
        else:
            seen[prompt] = answer
            examples.append(_Example(row, prompt, answer))
    if not examples:
        if left_out["has no answer"] == len(form.rows):
            shown = ", ".join(f"'{name}'" for name in dict.fromkeys(str(n) for row in form.rows[:500] for n in row))
            raise UsageError(
                f"every answer is missing: the column '{form.answer}' is blank in all {len(form.rows)} rows",
                fix=f"name another column with --answer; there are {shown}",
            )
        raise UsageError("no row has both a prompt and an answer", fix="check --prompt and --answer")
    return examples


def _instructed(prompt: str, scoring: Scoring, wishes: Wishes) -> str:
    """Return the prompt with what a model must know: the system text, and the classes, unless the user wrote it."""
    parts = [wishes.system] if wishes.system else []
    if scoring.asked and not (wishes.prompt and "{" in wishes.prompt):
        asked = scoring.asked
        parts.append("{{ " + json.dumps(asked, ensure_ascii=False) + " }}" if "{" in asked else asked)
    return "\n\n".join([*parts, prompt])


def _sides(
    examples: Sequence[_Example],
    groups: Sequence[int],
    found: Source,
    form: Form,
    scoring: Scoring,
    wishes: Wishes,
    left_out: Counter[str],
) -> tuple[list[_Example], list[_Example]]:
    """Return training and evaluation examples. A split that the source has is kept, without what is in both."""
    if found.evaluation:
        given = {id(row) for row in found.evaluation}
        flags = [form.origins.get(id(example.row), id(example.row)) in given for example in examples]
        held_out = {name for name, flag in zip(groups, flags, strict=True) if flag}
        both = [not flag and name in held_out for name, flag in zip(groups, flags, strict=True)]
        left_out["is nearly a row of the evaluation split"] += sum(both)
        train = [e for e, flag, twice in zip(examples, flags, both, strict=True) if not flag and not twice]
        evaluation = [e for e, flag in zip(examples, flags, strict=True) if flag]
        left_out["is beyond the evaluation rows that are needed"] += max(0, len(evaluation) - MOST_EVALUATION)
        evaluation = evaluation[:: max(1, math.ceil(len(evaluation) / MOST_EVALUATION))]
    else:
        classes = [example.answer if scoring.scorer == "choice" else "" for example in examples]
        flags = split(groups, classes, wishes.share, MOST_EVALUATION)
        train = [example for example, flag in zip(examples, flags, strict=True) if not flag]
        evaluation = [example for example, flag in zip(examples, flags, strict=True) if flag]
    if len(evaluation) < LEAST_EVALUATION or not train:
        raise UsageError(
            f"{len(examples)} rows with a prompt and an answer in {len(set(groups))} groups are too few to split",
            fix="give at least twenty different ones, preferably hundreds; or a larger --split",
        )
    return train, evaluation


def _without_items(train: Sequence[_Example], evaluation: Sequence[_Example], left_out: Counter[str]) -> list[_Example]:
    """Return the training examples that contain no evaluation item by the rule of a run, which is finer than that of
    the groups."""
    raw = ([text for text in example.row.values() if isinstance(text, str)] for example in train)
    index = OverlapIndex.from_texts([example.prompt for example in evaluation], raw)
    kept = [train[place] for place in index.keep((example.prompt, example.answer) for example in train)]
    left_out["is nearly a row of the evaluation split"] += len(train) - len(kept)
    return kept


def _plain(row: Record, columns: Iterable[str]) -> Record:
    """Return a row with all columns as it can be written: without bytes, and without an id, which may not be unique."""
    return {name: without_bytes(row.get(name)) for name in columns if name != "id"}


def _lengths(counts: Sequence[int]) -> Lengths:
    ordered = sorted(counts)
    return Lengths(median=ordered[len(ordered) // 2], longest=ordered[-1])


def _task_file(
    task: str, domain: str, prompt: str, answer: str, scoring: Scoring, limit: int, files: Sequence[str]
) -> str:
    named = ", ".join(files[:3]) + (" …" if len(files) > 3 else "")
    settings: dict[str, Any] = {
        "id": task,
        "domain": domain,
        "objective": f"Answer as the column '{answer}' of {named} does.",
        "output_format": scoring.output_format,
        "scorer": scoring.scorer,
        "metric": scoring.metric,
        **({"choices": list(scoring.choices)} if scoring.choices else {}),
        **({"worst": scoring.worst} if scoring.worst else {}),
        "prompt": prompt,
        "answer": answer,
        "max_new_tokens": limit,
    }
    comments = {
        "objective": "What the model must learn, for agents: say it in your own words.",
        "scorer": f"Chosen because of this: {scoring.why}. `ftdojo task new` without --from shows the others.",
        "worst": "The largest error that an answer can have, in its unit: here the range of all answers.",
        "prompt": "Jinja over the columns of a row; null is empty text, row['Column name'] reaches any name.",
        "max_new_tokens": "A quarter above the longest answer.",
    }
    lines = [f"# Made by `ftdojo task new --from` of {named}. Change what you like; `ftdojo task check` tests it.", ""]
    for key, value in settings.items():
        lines += [f"# {comments[key]}"] if key in comments else []
        lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f"))
    return "\n".join(lines) + "\n"
