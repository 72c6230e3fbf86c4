"""Self-test of a task's scorer and data, for built-in tasks and a user's own.

Gold answers must get the best score, blank outputs 0; constant outputs are scored and reported; validation, test and
raw data must not share prompts; the verdict on an item must not depend on the other items.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from ftdojo.contract.task_spec import Record, Rendering
from ftdojo.findings import Finding, Severity
from ftdojo.plain import plural
from ftdojo.schema import StrictModel
from ftdojo.tasks import raw_files
from ftdojo.tasks.bounded_template import BoundedTemplate
from ftdojo.tasks.judged import CONSENT, JudgedScorer, without_judge
from ftdojo.tasks.rows import has_half_character, read_jsonl
from ftdojo.tasks.spec import BAD_GOLD, FLAW, Task

CONSTANTS = 5
"""This many of the most frequent gold outputs are tried as constant outputs."""
SUSPICIOUS = 0.8
"""A constant output with at least this share of the best value is a warning: little is left to learn."""
BALANCE = "balance the answers, or take a metric that counts every class alike, such as macro_f1 of the scorer choice"


class Probe(StrictModel):
    """One synthetic prediction file, and its score."""

    name: str
    split: str
    output: str
    """The constant output; blank if outputs differ."""
    value: float
    parsed: float
    """Share of outputs that were parsed, 0 to 1."""


class CheckReport(StrictModel):
    """The outcome: ``ok`` if no finding is an error."""

    task: str
    ok: bool
    findings: list[Finding]
    probes: list[Probe]
    items: dict[str, int]
    """Split -> number of items."""
    pairs: dict[str, int]
    """``file: rendering`` -> number of its training pairs."""


def check(task: Task, folder: Path) -> CheckReport:
    """Test ``task`` on the data that one of its variants built in ``folder``.

    Raises:
        InputError: if an item cannot be scored at all.
        PrerequisiteError: if the scorer needs a runner and has none.
    """
    findings: list[Finding] = list(task.notes)
    if isinstance(task.scorer, JudgedScorer) and not task.scorer.may_test:
        findings.append(_no_consent())
    task = without_judge(task)
    splits: dict[str, list[Record]] = {
        name: list(read_jsonl(folder / f"{name}.jsonl")) for name in ("validation", "test")
    }
    report = partial(_report, findings)
    probes = [probe for name, items in splits.items() if items for probe in _probe(task, name, items, report)]
    prompts = _check_items(task, splits, report)
    pairs = _check_raw(task, folder / "raw", prompts, report)
    return CheckReport(
        task=task.spec.id,
        ok=all(finding.severity != "error" for finding in findings),
        findings=findings,
        probes=probes,
        items={name: len(items) for name, items in splits.items()},
        pairs=pairs,
    )


def _no_consent() -> Finding:
    message = "a run lets a language model judge its best model on the sealed test, and the task does not allow it"
    return Finding(code="test_not_judged", gate=0, severity="warning", message=message, where="task.toml", fix=CONSENT)


Report = Callable[..., None]


def _report(
    findings: list[Finding], code: str, where: str, message: str, fix: str, severity: Severity = "error"
) -> None:
    findings.append(Finding(code=code, gate=0, severity=severity, message=message, where=where, fix=fix))


def _probe(task: Task, split: str, items: Sequence[Record], report: Report) -> Iterator[Probe]:
    """Score synthetic predictions: gold, blank, constants, shortcuts."""
    golds = [task.gold(item) for item in items]
    best = task.spec.best_value

    def run(name: str, outputs: Sequence[str], constant: str = "") -> Probe:
        scores = task.scorer.score(items, outputs)
        parsed = sum(score.parsed for score in scores) / len(scores)
        return Probe(name=name, split=split, output=constant, value=task.scorer.value(scores), parsed=parsed)

    yield run("gold", golds)
    _check_golds(task, split, items, golds, report)
    blank = run("blank", [""] * len(items))
    yield blank
    if blank.value != 0.0:
        report("blank_scores", split, f"blank outputs score {blank.value:g}", "make the scorer return 0 for no answer")
    for output, _ in sorted(Counter(golds).items(), key=lambda pair: (-pair[1], pair[0]))[:CONSTANTS]:
        constant = run("constant", [output] * len(items), output)
        yield constant
        if constant.value >= SUSPICIOUS * best:
            message = f"the constant output {output[:80]!r} scores {constant.value:g} of {best:g}"
            report("constant_scores", split, message, BALANCE, severity="warning")
    for shortcut in task.spec.shortcuts:
        taken = run(f"shortcut: {shortcut.name}", [shortcut.output] * len(items), shortcut.output)
        yield taken
        if taken.value > shortcut.at_most:
            message = f"scores {taken.value:g}, but the declared maximum is {shortcut.at_most:g}"
            report("shortcut_scores", f"{split}: {shortcut.name}", message, "correct the declaration or the data")
    # Every second answer is blank, so that verdicts differ and an exchange of two is visible.
    outputs = [gold if i % 2 else "" for i, gold in enumerate(golds)]
    forward, backward = (task.scorer.score(items[::step], outputs[::step]) for step in (1, -1))
    if list(forward) != list(backward)[::-1]:
        report("order_dependent", split, "verdicts change with the order of items", "score each item on its own")


def _check_golds(task: Task, split: str, items: Sequence[Record], golds: Sequence[str], report: Report) -> None:
    """Check that gold answers can be read and score best, except on items that their publisher got wrong."""
    scores = task.scorer.score(items, golds)
    reached, best = task.scorer.value(scores), task.spec.best_value
    flaws = Counter(str(item[FLAW]) for item in items if item.get(FLAW))
    for reason, count in flaws.items():
        message = f"{count} of {len(items)} items have a known fault of their publisher: {reason}; all gold answers "
        message += f"together score {reached:g} of {best:g}"
        report("known_flaw", split, message, "none: the items are scored like all others", severity="warning")
    sound = [score for item, score in zip(items, scores, strict=True) if not item.get(FLAW)]
    unreadable = [score.id for score in sound if score.error == BAD_GOLD]
    if unreadable:
        message = (
            f"the gold answers of {len(unreadable)} items cannot be read, e.g. of item {unreadable[0]}: no output "
        )
        message += f"is right there; all gold answers together score {reached:g} of {best:g}"
        report("bad_gold", split, message, "correct the answers, or drop the items")
    rest = [score for score in sound if score.error != BAD_GOLD]
    value, parsed = (task.scorer.value(rest), sum(s.parsed for s in rest) / len(rest)) if rest else (best, 1.0)
    if value != best or parsed < 1:
        message = f"gold answers score {value:g} of {best:g}, {parsed:.0%} of them parsed"
        report("gold_not_best", split, message, "make scorer and answers agree")


def _check_items(task: Task, splits: dict[str, list[Record]], report: Report) -> dict[str, str]:
    """Check ids, sub-tasks and prompts of all items; return prompt -> place."""
    ids: dict[str, str] = {}
    prompts: dict[str, str] = {}
    for split, items in splits.items():
        if not items:
            report("no_items", split, "has no items", "write more evaluation rows")
        for item in items:
            name, prompt = str(item["id"]), task.question(item)
            place = f"{split}: item {name}"
            if name in ids:
                report("double_id", place, f"its id also occurs in {ids[name]}", "make ids unique")
            if prompt in prompts:
                report("double_prompt", place, f"its prompt is that of {prompts[prompt]}", "drop one of them")
            if not prompt.strip():
                report("blank_prompt", place, "its prompt is blank", "correct the prompt")
            if task.spec.subtasks and item.get("subtask") not in task.spec.subtasks:
                message = f"its subtask is {item.get('subtask')!r}"
                report("unknown_subtask", place, message, f"use one of: {', '.join(task.spec.subtasks)}")
            ids[name] = prompts[prompt] = place
    return prompts


def _check_raw(task: Task, raw: Path, prompts: dict[str, str], report: Report) -> dict[str, int]:
    """Check that the documented renderings of the raw data give pairs and no evaluation prompts; return pair counts."""
    pairs = {}
    for source in task.spec.raw_sources:
        if not (raw / source.path).is_file():
            report("missing_file", source.path, "the raw data has no such file", "correct the path, or write the file")
            continue
        if unusual := raw_files.describe_text(raw / source.path):
            report("other_encoding", source.path, unusual, "save the file as UTF-8", severity="warning")
        rows = list(raw_files.read(raw / source.path))
        broken = sum(not isinstance(row, dict) or has_half_character(row) for row in rows)
        if broken:
            report(
                "broken_rows",
                source.path,
                f"{plural(broken, 'row')} cannot be read",
                "correct them",
                severity="warning",
            )
        leaked = set()
        for rendering in source.renderings:
            given, failed = _rendered(rendering, [row for row in rows if isinstance(row, dict)])
            if failed:
                message = f"rendering '{rendering.name}' fails for {plural(len(failed), 'row')}, e.g. {failed[0]}"
                report("broken_rows", source.path, message, "correct the rows or the template", severity="warning")
            pairs[f"{source.path}: {rendering.name}"] = len(given)
            leaked |= {prompt for prompt, _ in given} & prompts.keys()
            if not given:
                message = f"rendering '{rendering.name}' gives no training pair"
                report("no_pairs", source.path, message, "correct its templates")
        if leaked:
            message = f"{len(leaked)} of its prompts are evaluation prompts, e.g. that of {prompts[min(leaked)]}"
            report("leaked_items", source.path, message, "drop those rows from the raw data")
    return pairs


def _rendered(rendering: Rendering, rows: Sequence[Record]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the training pairs of the rows that can be rendered, and what is wrong with the others."""
    templates = (BoundedTemplate(rendering.prompt), BoundedTemplate(rendering.completion, answer=True))
    pairs: list[tuple[str, str]] = []
    failed: list[str] = []
    for number, row in enumerate(rows, start=1):
        try:
            prompt, completion = (template.render(row) for template in templates)
        except ValueError as error:
            failed.append(f"row {number}: {error}")
            continue
        if prompt and completion:
            pairs.append((prompt, completion))
    return pairs, failed


def training_pairs(rendering: Rendering, rows: Sequence[Record]) -> list[tuple[str, str]]:
    """Return prompt and completion of every row that can be rendered and for which neither is blank."""
    return _rendered(rendering, rows)[0]
