"""Does a task measure what it says? A self-test of scorer and data, for built-in tasks and a user's own.

Gold answers must score best, blank outputs nothing; constant outputs are scored and told; validation, test and raw data
must not share prompts; a verdict must not depend on the other items.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from ftdojo.contract.task_spec import Record, Rendering
from ftdojo.findings import Finding, Severity
from ftdojo.schema import StrictModel
from ftdojo.tasks import raw_files
from ftdojo.tasks.rows import read_jsonl
from ftdojo.tasks.spec import Task
from ftdojo.tasks.template import compile_template, render

CONSTANTS = 5
"""So many of the most frequent gold outputs are tried as constant outputs."""
SUSPICIOUS = 0.8
"""A constant output that reaches this share of the best value leaves little to learn."""


class Probe(StrictModel):
    """One prediction file made up for the test, and what it scores."""

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
    """``file: rendering`` -> number of training pairs that it gives."""


def check(task: Task, folder: Path) -> CheckReport:
    """Test ``task`` on the data that one of its variants built in ``folder``.

    Raises:
        InputError: if an item cannot be scored at all.
        PrerequisiteError: if the scorer needs a runner and has none.
    """
    findings: list[Finding] = []
    splits: dict[str, list[Record]] = {
        name: list(read_jsonl(folder / f"{name}.jsonl")) for name in ("validation", "test")
    }
    tell = partial(_tell, findings)
    probes = [probe for name, items in splits.items() if items for probe in _probe(task, name, items, tell)]
    prompts = _check_items(task, splits, tell)
    pairs = _check_raw(task, folder / "raw", prompts, tell)
    return CheckReport(
        task=task.spec.id,
        ok=all(finding.severity != "error" for finding in findings),
        findings=findings,
        probes=probes,
        items={name: len(items) for name, items in splits.items()},
        pairs=pairs,
    )


Tell = Callable[..., None]


def _tell(findings: list[Finding], code: str, where: str, message: str, fix: str, severity: Severity = "error") -> None:
    findings.append(Finding(code=code, gate=0, severity=severity, message=message, where=where, fix=fix))


def _probe(task: Task, split: str, items: Sequence[Record], tell: Tell) -> Iterator[Probe]:
    """Score made-up predictions: gold, blank, constants, shortcuts."""
    golds = [task.scorer.gold(item) for item in items]
    best = task.spec.best_value

    def run(name: str, outputs: Sequence[str], constant: str = "") -> Probe:
        scores = task.scorer.score(items, outputs)
        parsed = sum(score.parsed for score in scores) / len(scores)
        return Probe(name=name, split=split, output=constant, value=task.scorer.value(scores), parsed=parsed)

    gold = run("gold", golds)
    yield gold
    if gold.value != best or gold.parsed < 1:
        message = f"gold answers score {gold.value:g} of {best:g}, {gold.parsed:.0%} of them parsed"
        tell("gold_not_best", split, message, "make scorer and answers agree")
    blank = run("blank", [""] * len(items))
    yield blank
    if blank.value != 0.0:
        tell("blank_scores", split, f"blank outputs score {blank.value:g}", "let the scorer give 0 for no answer")
    for output, _ in sorted(Counter(golds).items(), key=lambda pair: (-pair[1], pair[0]))[:CONSTANTS]:
        constant = run("constant", [output] * len(items), output)
        yield constant
        if constant.value >= SUSPICIOUS * best:
            message = f"the constant output {output[:80]!r} scores {constant.value:g} of {best:g}"
            tell("constant_scores", split, message, "balance the answers", severity="warning")
    for shortcut in task.spec.shortcuts:
        taken = run(f"shortcut: {shortcut.name}", [shortcut.output] * len(items), shortcut.output)
        yield taken
        if taken.value > shortcut.at_most:
            message = f"scores {taken.value:g}, declared is at most {shortcut.at_most:g}"
            tell("shortcut_scores", f"{split}: {shortcut.name}", message, "correct the declaration or the data")
    # Every second answer wrong, so that the verdicts differ and a mix-up shows.
    outputs = [gold if i % 2 else "" for i, gold in enumerate(golds)]
    forward, backward = (task.scorer.score(items[::step], outputs[::step]) for step in (1, -1))
    if list(forward) != list(backward)[::-1]:
        tell("order_dependent", split, "verdicts change with the order of items", "score each item on its own")


def _check_items(task: Task, splits: dict[str, list[Record]], tell: Tell) -> dict[str, str]:
    """Ids, sub-tasks and prompts of all items; returns prompt -> place."""
    ids: dict[str, str] = {}
    prompts: dict[str, str] = {}
    for split, items in splits.items():
        if not items:
            tell("no_items", split, "has no items", "write more evaluation rows")
        for item in items:
            name, prompt = str(item["id"]), task.question(item)
            place = f"{split}: item {name}"
            if name in ids:
                tell("double_id", place, f"its id occurs in {ids[name]}, too", "make ids unique")
            if prompt in prompts:
                tell("double_prompt", place, f"its prompt is that of {prompts[prompt]}", "drop one of them")
            if not prompt.strip():
                tell("blank_prompt", place, "its prompt is blank", "correct the prompt")
            if task.spec.subtasks and item.get("subtask") not in task.spec.subtasks:
                message = f"its subtask is {item.get('subtask')!r}"
                tell("unknown_subtask", place, message, f"use one of: {', '.join(task.spec.subtasks)}")
            ids[name] = prompts[prompt] = place
    return prompts


def _check_raw(task: Task, raw: Path, prompts: dict[str, str], tell: Tell) -> dict[str, int]:
    """What the documented renderings of the raw data give, and whether it holds evaluation prompts."""
    pairs = {}
    for source in task.spec.raw_sources:
        if not (raw / source.path).is_file():
            tell("missing_file", source.path, "the raw data has no such file", "correct the path, or write the file")
            continue
        rows = list(raw_files.read(raw / source.path))
        broken = sum(not isinstance(row, dict) for row in rows)
        if broken:
            tell("broken_rows", source.path, f"{broken} rows cannot be read", "mend them", severity="warning")
        leaked = set()
        for rendering in source.renderings:
            given = list(training_pairs(rendering, [row for row in rows if isinstance(row, dict)]))
            pairs[f"{source.path}: {rendering.name}"] = len(given)
            leaked |= {prompt for prompt, _ in given} & prompts.keys()
            if not given:
                tell("no_pairs", source.path, f"rendering '{rendering.name}' gives no row", "correct its templates")
        if leaked:
            message = f"{len(leaked)} of its prompts are evaluation prompts, e.g. that of {prompts[min(leaked)]}"
            tell("leaked_items", source.path, message, "drop those rows from the raw data")
    return pairs


def training_pairs(rendering: Rendering, rows: Sequence[Record]) -> Iterator[tuple[str, str]]:
    """Prompt and completion of every row for which both are something."""
    prompt_template, completion_template = map(compile_template, (rendering.prompt, rendering.completion))
    for row in rows:
        prompt, completion = render(prompt_template, row), render(completion_template, row)
        if prompt and completion:
            yield prompt, completion
