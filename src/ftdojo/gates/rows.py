"""Gate 2, second part: what the training rows teach. Every row is looked at.

A check counts the rows that have a fault, and how usual the same is in the task's own questions and answers. What
nearly all rows have and the task has not is an error; what only some have is a warning, with a row to look at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

from ftdojo.contract.row import Row
from ftdojo.findings import Finding, Severity
from ftdojo.gates import text
from ftdojo.gates.data_program import find_conflicts
from ftdojo.gates.finding import number_findings, settle
from ftdojo.gates.reference import Reference, answer_of
from ftdojo.training import Trainer

WHERE = "data program"
ENOUGH = 20
"""Fewer rows than this may look alike by chance."""
MOST = 0.5
"""A fault that so large a share of the rows has is an error."""
SOME = 0.02
"""From this share on a fault is told."""
USUAL = 0.1
"""What is more frequent than this in the task's own questions or answers is no fault."""
CONSTANT = 0.95
"""Above this share of one completion, the rows teach a constant answer."""
COPIES = (0.2, 0.75)
"""Shares of rows that repeat an earlier one. Some repeat rows to give them weight; four copies of each are epochs."""
LEAKED = 0.75
"""Share of prompts that hold their own answer, which is an error if questions do not by half as much."""
ALTERNATIVES = 5
"""So many other answers are looked for in a prompt: those that it holds anyway, such as options, leak nothing."""
NO_FORM, POOR_FORM = 0.1, 0.8
"""Shares of completions with an answer that the scorer can read: below the first, the form is wrong."""
JUDGED, JUDGED_BY_CODE = 96, 8
"""So many completions are given to the scorer; fewer where it runs code."""
CUT_LENGTH = 40
"""Texts that all end at the same length, of at least so many characters, were cut there."""
PROSE = 20
"""A text with fewer letters than this has no language."""


@dataclass(frozen=True)
class Rows:
    """Training rows as a program wrote them, and the task that they are to teach."""

    rows: Sequence[Row]
    reference: Reference

    @cached_property
    def subtasks(self) -> list[str]:
        """The sub-task of every row; empty where it names none."""
        return [row.subtask for row in self.rows]

    @cached_property
    def prompts(self) -> list[str]:
        """All turns before the answer, as one text a row."""
        return ["\n".join(turn["content"] for turn in row.prompt) for row in self.rows]

    @cached_property
    def completions(self) -> list[str]:
        """The completions."""
        return [row.completion for row in self.rows]

    @cached_property
    def answers(self) -> list[str]:
        """The completions without passages of thinking."""
        return list(map(answer_of, self.completions))

    @property
    def judged(self) -> range:
        """The rows whose completions are given to the scorer, evenly taken."""
        most = JUDGED_BY_CODE if self.reference.runs_code else JUDGED
        return range(0, len(self.rows), max(1, len(self.rows) // most))


def check_content(rows: Rows, trainer: Trainer[Any, Any]) -> list[Finding]:
    """Run all checks of the gate and return their warnings.

    Raises:
        InputError: with all findings, if the rows cannot teach the task.
    """
    found = trainer.applicable(finding for check in CHECKS for finding in check(rows))
    return settle([*found, *number_findings(trainer.check_rows(rows.rows), 2)])


def constant_answer(r: Rows) -> Iterator[Finding]:
    """Nearly all rows have one and the same completion."""
    answer, count = Counter(r.completions).most_common(1)[0]
    if len(r.rows) >= ENOUGH and count > CONSTANT * len(r.rows):
        message = f"{count / len(r.rows):.0%} of the rows have the completion {text.shown(answer)}"
        yield _finding("constant_answer", message, "keep rows with varied answers, or balance them")


def constant_prompt(r: Rows) -> Iterator[Finding]:
    """Nearly all rows have one and the same prompt."""
    prompt, count = Counter(r.prompts).most_common(1)[0]
    if len(r.rows) >= ENOUGH and count > CONSTANT * len(r.rows):
        message = f"{count / len(r.rows):.0%} of the rows have the prompt {text.shown(prompt)}"
        yield _finding("constant_prompt", message, "put what is particular to a row into its prompt")


def duplicate_rows(r: Rows) -> Iterator[Finding]:
    """Rows occur again and again."""
    pairs = [(row.turns, tuple(turn["role"] for turn in row.prompt)) for row in r.rows]
    share = 1 - len(set(pairs)) / len(pairs)
    if share > COPIES[0] and len(pairs) >= ENOUGH:
        message = f"{share:.0%} of the rows repeat an earlier row: {len(set(pairs))} of {len(pairs)} are different"
        severity: Severity = "error" if share >= COPIES[1] else "warning"
        yield _finding("duplicate_rows", message, "drop the copies, and raise epochs to see rows more often", severity)


def contradictions(r: Rows) -> Iterator[Finding]:
    """The same question is answered in different ways."""
    bad = find_conflicts(r.rows)
    if sum(bad) > COPIES[0] * len(bad) and len(set(r.prompts)) > 1:
        message = f"{_share(bad)} of the rows have a prompt that other rows answer differently, e.g. {_first(bad)}"
        yield _finding("contradictory_rows", message, "keep one answer a prompt", "warning")


def no_answer(r: Rows) -> Iterator[Finding]:
    """A completion thinks, and then says nothing."""
    bad = [not answer for answer in r.answers]
    fix = "write the answer after the reasoning, in the task's form; drop rows that have none"
    yield from _judge("no_answer", bad, "have a rationale and no answer after it", fix)


def placeholder_answer(r: Rows) -> Iterator[Finding]:
    """A completion says that a value was missing."""
    gold = {answer.strip().lower() for answer in r.reference.golds}
    bad = [a.strip().lower() in text.NO_ANSWERS - gold for a in r.answers]
    yield from _judge("placeholder_answer", bad, "have a completion such as None or nan", "drop rows without an answer")


def unrendered(r: Rows) -> Iterator[Finding]:
    """A template was not filled in: nearly all rows have the same field in braces, and no question has it."""
    for name, texts, usual in (("prompt", r.prompts, r.reference.questions), ("answer", r.answers, r.reference.golds)):
        found = Counter(field for t in texts for field in set(text.PLACEHOLDERS.findall(t)))
        for field, count in found.most_common(1):
            if count >= MOST * len(texts) and sum(field in t for t in usual) < USUAL * len(usual):
                message = f"{count / len(texts):.0%} of the rows have {text.shown(field)} in their {name}"
                yield _finding("unrendered_template", message, f"fill {field} in from the row")


def foreign_template(r: Rows) -> Iterator[Finding]:
    """Marks of a chat template stand in the text. The model's own template is put around it later."""
    for name, texts, usual in (("prompt", r.prompts, r.reference.questions), ("answer", r.answers, r.reference.golds)):
        bad = [text.CHAT_MARKS.search(t) for t in texts]
        if sum(text.CHAT_MARKS.search(t) is not None for t in usual) < USUAL * len(usual):
            mark = next((m[0] for m in bad if m), "")
            said = f"have marks of a chat template such as {text.shown(mark)} in their {name}"
            fix = "write plain text, or messages with roles: the model's own template is put around it"
            yield from _judge("foreign_template", [m is not None for m in bad], said, fix)


def answer_in_prompt(r: Rows) -> Iterator[Finding]:
    """Prompts hold their own answer more often than another row's, and questions do not."""
    for subtask in sorted(set(r.subtasks)):
        members = [i for i, name in enumerate(r.subtasks) if name == subtask]
        share = _leaks([r.prompts[i] for i in members], [r.answers[i] for i in members])
        usual = _leaks(*r.reference.of_subtask(subtask))
        if len(members) >= ENOUGH and share >= usual + 0.3:
            of = f" of '{subtask}'" if subtask else ""
            message = f"{share:.0%} of the prompts{of} hold their own answer; {usual:.0%} of the task's questions do"
            severity: Severity = "error" if share >= LEAKED and share >= usual + LEAKED / 2 else "warning"
            yield _finding("answer_in_prompt", message, "take the answer out of the prompt", severity)


def wrong_language(r: Rows) -> Iterator[Finding]:
    """Rows are written in another script, or another language, than the task."""
    for name, texts, usual in (("prompt", r.prompts, r.reference.questions), ("answer", r.answers, r.reference.golds)):
        if min(fmean(map(text.letters, side)) for side in (texts, usual)) < PROSE:
            continue
        scripts = Counter(map(text.script, usual))
        expected, count = scripts.most_common(1)[0]
        if expected is None or count < (1 - USUAL) * len(usual):
            continue  # the task itself is written in several
        bad = [text.script(t) not in (expected, None) for t in texts]
        fix = f"write the {name} in the language of the task"
        if sum(bad) > USUAL * len(bad):
            said = f"have their {name} in another script than the task, which is in {expected}"
            severity: Severity = "error" if sum(bad) > CONSTANT * len(bad) else "warning"
            message = f"{_share(bad)} of the rows {said}, e.g. {_first(bad)}"
            yield _finding("wrong_language", message, fix, severity)
        given, wanted = text.language(texts), text.language(usual)
        if given and wanted and given != wanted:
            yield _finding("wrong_language", f"the {name}s are in {given}, the task is in {wanted}", fix)


def cut_text(r: Rows) -> Iterator[Finding]:
    """Texts end all at the same length in the middle of anything, or with an ellipsis."""
    for name, texts, usual in (("prompt", r.prompts, r.reference.questions), ("answer", r.answers, r.reference.golds)):
        longest = max(map(len, texts))
        cut = [t for t in texts if len(t) == longest]
        # What ends in itself ends alike, with a full stop or a brace.
        varied = longest >= CUT_LENGTH and Counter(t[-1] for t in cut).most_common(1)[0][1] < 0.6 * len(cut)
        same_usual = sum(len(t) == max(map(len, usual)) for t in usual)
        if varied and len(cut) >= max(ENOUGH / 2, 0.3 * len(texts)) and same_usual < USUAL * len(usual) + 1:
            message = f"{len(cut)} of {len(texts)} rows have a {name} of exactly {longest} characters: it was cut there"
            yield _finding("truncated_rows", message, f"write the whole {name}, or drop rows that are too long")
        bad = [t.rstrip().endswith(("...", "…")) for t in texts]
        if sum(t.rstrip().endswith(("...", "…")) for t in usual) < USUAL * len(usual):
            said = f"have a {name} that ends with an ellipsis"
            yield from _judge("truncated_rows", bad, said, f"write the whole {name}")


def repetition(r: Rows) -> Iterator[Finding]:
    """A completion says the same over and over."""
    bad = list(map(text.repetitive, r.completions))
    yield from _judge("repetitive_text", bad, "repeat the same text over and over", "drop those rows")


def encoding(r: Rows) -> Iterator[Finding]:
    """Characters were lost on the way."""
    usual = sum(text.BROKEN.search(t) is not None for t in r.reference.questions)
    if usual < USUAL * len(r.reference.questions):
        bad = [text.BROKEN.search("\n".join(row.turns)) is not None for row in r.rows]
        yield from _judge("broken_encoding", bad, "have broken characters", "read and write files as UTF-8")


def answer_form(r: Rows) -> Iterator[Finding]:
    """The task's own scorer finds no answer in the completions: a model that learns them is never right."""
    good = r.reference.accepted([r.completions[i] for i in r.judged], [r.subtasks[i] for i in r.judged])
    share = sum(good) / len(good)
    if share < POOR_FORM and r.reference.can_judge:
        first = next(i for i, fits in zip(r.judged, good, strict=True) if not fits)
        message = (
            f"the scorer reads an answer in {share:.0%} of the completions ({len(good)} were tried); "
            f"not in row {first + 1}: {text.shown(r.completions[first][-80:])}"
        )
        severity: Severity = "error" if share < NO_FORM else "warning"
        fix = f"end completions with an answer in the task's form: {r.reference.task.spec.output_format[:400]}"
        yield _finding("wrong_answer_format", message, fix, severity)


def known_subtasks(r: Rows) -> Iterator[Finding]:
    """Rows name a sub-task that the task has not."""
    known = {"", *r.reference.task.spec.subtasks}
    bad = [subtask not in known for subtask in r.subtasks]
    if any(bad):
        name = text.shown(next(s for s, is_bad in zip(r.subtasks, bad, strict=True) if is_bad))
        fix = f"sub-tasks: {', '.join(r.reference.task.spec.subtasks) or 'none; leave the key out'}"
        yield _finding("unknown_subtask", f"{_share(bad)} of the rows are of a sub-task {name}", fix, "warning")


def enough_rows(r: Rows) -> Iterator[Finding]:
    """So few rows hardly teach anything."""
    if len(r.rows) < ENOUGH:
        yield _finding("few_rows", f"there are only {len(r.rows)} rows", "use more of the raw data", "warning")


Check = Callable[[Rows], Iterator[Finding]]
CHECKS: tuple[Check, ...] = (
    constant_answer,
    constant_prompt,
    duplicate_rows,
    contradictions,
    no_answer,
    placeholder_answer,
    unrendered,
    foreign_template,
    answer_in_prompt,
    wrong_language,
    cut_text,
    repetition,
    encoding,
    answer_form,
    known_subtasks,
    enough_rows,
)


def _leaks(prompts: Sequence[str], answers: Sequence[str]) -> float:
    """Share of prompts that hold their own answer more often than any of a few other answers."""
    parts = [gist.casefold() for gist in text.gists(answers)]
    kinds = sorted(set(parts))
    if len(kinds) < 2:
        return 0.0
    hits = 0
    for i, (prompt, own) in enumerate(zip(map(str.casefold, prompts), parts, strict=True)):
        count = text.occurrences(own, prompt)
        if count:
            others = {kinds[(i * 7 + k * (1 + len(kinds) // ALTERNATIVES)) % len(kinds)] for k in range(ALTERNATIVES)}
            hits += count > max((text.occurrences(other, prompt) for other in others - {own}), default=0)
    return hits / len(parts)


def _judge(code: str, bad: Sequence[bool], said: str, fix: str) -> Iterator[Finding]:
    """One finding for a fault that some rows have; an error if most have it."""
    if sum(bad) > SOME * len(bad):
        severity: Severity = "error" if sum(bad) >= MOST * len(bad) else "warning"
        yield _finding(code, f"{_share(bad)} of the rows {said}, e.g. {_first(bad)}", fix, severity)


def _share(bad: Sequence[bool]) -> str:
    return f"{sum(bad) / len(bad):.0%}"


def _first(bad: Sequence[bool]) -> str:
    return f"row {bad.index(True) + 1}"


def _finding(code: str, message: str, fix: str, severity: Severity = "error") -> Finding:
    return Finding(code=code, gate=2, severity=severity, message=message, where=WHERE, fix=fix)
