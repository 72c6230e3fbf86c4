"""Gate 2, second part: check the content of all training rows.

A check counts the rows with a fault, and how common the same property is in the task's own questions and answers. A
fault of most rows that the task does not have is an error; a fault of only some rows is a warning with an example row.
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
from ftdojo.gates.reference import Reference, extract_answer
from ftdojo.plain import plural
from ftdojo.training import Trainer

WHERE = "data program"
ENOUGH = 20
"""Fewer rows than this may be alike by chance."""
MOST = 0.5
"""Faults in at least this share of rows are errors."""
SOME = 0.02
"""Faults in at most this share of rows are not reported."""
USUAL = 0.1
"""A property of at least this share of the task's own questions or answers is not a fault."""
CONSTANT = 0.95
"""Above this share of one completion, the rows teach a constant answer."""
COPIES = (0.2, 0.75)
"""Shares of rows that repeat an earlier one, for a warning and for an error. A few copies may be meant as weights, but
four of each row only replace epochs."""
LEAKED = 0.75
"""Error if this share of prompts contains the answer and it exceeds the validation questions' share by LEAKED / 2."""
ALTERNATIVES = 5
"""Other answers to look for in a prompt: if it contains these too, e.g. as options, it leaks nothing."""
NO_FORM, POOR_FORM = 0.1, 0.8
"""Shares of completions that the scorer can read: below the first, an error; below the second, a warning."""
JUDGED, JUDGED_BY_CODE = 96, 8
"""About how many completions are given to the scorer, and how many where it runs code."""
CUT_LENGTH = 40
"""Texts that all end at the same length, of at least this many characters, were cut there."""
PROSE = 20
"""With fewer letters per text than this, script and language are not checked."""


@dataclass(frozen=True)
class Rows:
    """Training rows as a program wrote them, and the reference of the task that they should teach."""

    rows: Sequence[Row]
    reference: Reference

    @cached_property
    def subtasks(self) -> list[str]:
        """The sub-task of every row; empty for a row without one."""
        return [row.subtask for row in self.rows]

    @cached_property
    def prompts(self) -> list[str]:
        """All turns before the answer, as one text per row."""
        return ["\n".join(turn["content"] for turn in row.prompt) for row in self.rows]

    @cached_property
    def completions(self) -> list[str]:
        """The completions."""
        return [row.completion for row in self.rows]

    @cached_property
    def answers(self) -> list[str]:
        """The completions without their ``<think>`` blocks."""
        return list(map(extract_answer, self.completions))

    @property
    def judged(self) -> range:
        """The evenly spaced rows whose completions are given to the scorer."""
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
        message = f"{count / len(r.rows):.0%} of the rows have the completion {text.quote(answer)}"
        yield _finding("constant_answer", message, "keep rows with varied answers, or balance them")


def constant_prompt(r: Rows) -> Iterator[Finding]:
    """Nearly all rows have one and the same prompt."""
    prompt, count = Counter(r.prompts).most_common(1)[0]
    if len(r.rows) >= ENOUGH and count > CONSTANT * len(r.rows):
        message = f"{count / len(r.rows):.0%} of the rows have the prompt {text.quote(prompt)}"
        yield _finding("constant_prompt", message, "put the content of each row into its prompt")


def duplicate_rows(r: Rows) -> Iterator[Finding]:
    """Many rows repeat earlier rows."""
    pairs = [(row.turns, tuple(turn["role"] for turn in row.prompt)) for row in r.rows]
    share = 1 - len(set(pairs)) / len(pairs)
    if share > COPIES[0] and len(pairs) >= ENOUGH:
        message = f"{share:.0%} of the rows repeat an earlier row: {len(set(pairs))} of {len(pairs)} are different"
        severity: Severity = "error" if share >= COPIES[1] else "warning"
        yield _finding("duplicate_rows", message, "drop the copies, and raise epochs to repeat rows", severity)


def contradictions(r: Rows) -> Iterator[Finding]:
    """Many rows have the same prompt and different completions."""
    bad = find_conflicts(r.rows)
    if sum(bad) > COPIES[0] * len(bad) and len(set(r.prompts)) > 1:
        message = f"{_share(bad)} of the rows have a prompt that other rows answer differently, e.g. {_first(bad)}"
        yield _finding("contradictory_rows", message, "keep one answer per prompt", "warning")


def no_answer(r: Rows) -> Iterator[Finding]:
    """A completion has no answer after its reasoning."""
    bad = [not answer for answer in r.answers]
    fix = "write the answer after the reasoning, in the task's form; drop rows that have none"
    yield from _judge("no_answer", bad, "have a rationale and no answer after it", fix)


def placeholder_answer(r: Rows) -> Iterator[Finding]:
    """A completion is a placeholder for a missing value."""
    gold = {answer.strip().lower() for answer in r.reference.golds}
    bad = [a.strip().lower() in text.NO_ANSWERS - gold for a in r.answers]
    yield from _judge("placeholder_answer", bad, "have a completion such as None or nan", "drop rows without an answer")


def unrendered(r: Rows) -> Iterator[Finding]:
    """A template was not filled in: most rows have the same field in braces, and few questions have it."""
    for name, texts, usual in (("prompt", r.prompts, r.reference.questions), ("answer", r.answers, r.reference.golds)):
        found = Counter(field for t in texts for field in set(text.PLACEHOLDERS.findall(t)))
        for field, count in found.most_common(1):
            if count >= MOST * len(texts) and sum(field in t for t in usual) < USUAL * len(usual):
                message = f"{count / len(texts):.0%} of the rows have {text.quote(field)} in their {name}"
                yield _finding("unrendered_template", message, f"replace {field} with the value from the row")


def foreign_template(r: Rows) -> Iterator[Finding]:
    """Texts contain markers of a chat template. The model's own template is added around them later."""
    for name, texts, usual in (("prompt", r.prompts, r.reference.questions), ("answer", r.answers, r.reference.golds)):
        bad = [text.CHAT_MARKS.search(t) for t in texts]
        if sum(text.CHAT_MARKS.search(t) is not None for t in usual) < USUAL * len(usual):
            mark = next((m[0] for m in bad if m), "")
            fault = f"have chat template markers such as {text.quote(mark)} in their {name}"
            fix = "write plain text, or messages with roles: the model's own template is added around it"
            yield from _judge("foreign_template", [m is not None for m in bad], fault, fix)


def answer_in_prompt(r: Rows) -> Iterator[Finding]:
    """Prompts contain their own answer more often than another row's, and the task's questions do not."""
    for subtask in sorted(set(r.subtasks)):
        members = [i for i, name in enumerate(r.subtasks) if name == subtask]
        share = _leaks([r.prompts[i] for i in members], [r.answers[i] for i in members])
        usual = _leaks(*r.reference.select_subtask(subtask))
        if len(members) >= ENOUGH and share >= usual + 0.3:
            group = f"prompts of '{subtask}'" if subtask else "prompts"
            message = f"{share:.0%} of the {group} contain their own answer; {usual:.0%} of the task's questions do"
            severity: Severity = "error" if share >= LEAKED and share >= usual + LEAKED / 2 else "warning"
            yield _finding("answer_in_prompt", message, "remove the answer from the prompt", severity)


def wrong_language(r: Rows) -> Iterator[Finding]:
    """Rows are written in another script, or another language, than the task."""
    for name, texts, usual in (("prompt", r.prompts, r.reference.questions), ("answer", r.answers, r.reference.golds)):
        if min(fmean(map(text.letters, side)) for side in (texts, usual)) < PROSE:
            continue
        scripts = Counter(map(text.script, usual))
        expected, count = scripts.most_common(1)[0]
        if expected is None or count < (1 - USUAL) * len(usual):
            continue  # the task itself uses several scripts
        bad = [text.script(t) not in (expected, None) for t in texts]
        fix = f"write the {name} in the language of the task"
        if sum(bad) > USUAL * len(bad):
            fault = f"have their {name} in another script than the task, which is in {expected}"
            severity: Severity = "error" if sum(bad) > CONSTANT * len(bad) else "warning"
            message = f"{_share(bad)} of the rows {fault}, e.g. {_first(bad)}"
            yield _finding("wrong_language", message, fix, severity)
        given, wanted = text.language(texts), text.language(usual)
        if given and wanted and given != wanted:
            yield _finding("wrong_language", f"the {name}s are in {given}, the task is in {wanted}", fix)


def cut_text(r: Rows) -> Iterator[Finding]:
    """Texts were cut: many end at the same length in mid-text, or with an ellipsis."""
    for name, texts, usual in (("prompt", r.prompts, r.reference.questions), ("answer", r.answers, r.reference.golds)):
        longest = max(map(len, texts))
        cut = [t for t in texts if len(t) == longest]
        # Complete texts end alike, with a full stop or a brace.
        varied = longest >= CUT_LENGTH and Counter(t[-1] for t in cut).most_common(1)[0][1] < 0.6 * len(cut)
        same_usual = sum(len(t) == max(map(len, usual)) for t in usual)
        if varied and len(cut) >= max(ENOUGH / 2, 0.3 * len(texts)) and same_usual < USUAL * len(usual) + 1:
            message = f"{len(cut)} of {len(texts)} rows have a {name} of exactly {longest} characters: it was cut there"
            yield _finding("truncated_rows", message, f"write the whole {name}, or drop rows that are too long")
        bad = [t.rstrip().endswith(("...", "…")) for t in texts]
        if sum(t.rstrip().endswith(("...", "…")) for t in usual) < USUAL * len(usual):
            fault = f"have a {name} that ends with an ellipsis"
            yield from _judge("truncated_rows", bad, fault, f"write the whole {name}")


def repetition(r: Rows) -> Iterator[Finding]:
    """A completion repeats itself."""
    bad = list(map(text.repetitive, r.completions))
    yield from _judge("repetitive_text", bad, "have a completion that repeats the same text", "drop those rows")


def encoding(r: Rows) -> Iterator[Finding]:
    """Texts have broken characters."""
    usual = sum(text.BROKEN.search(t) is not None for t in r.reference.questions)
    if usual < USUAL * len(r.reference.questions):
        bad = [text.BROKEN.search("\n".join(row.turns)) is not None for row in r.rows]
        yield from _judge("broken_encoding", bad, "have broken characters", "read and write files as UTF-8")


def answer_form(r: Rows) -> Iterator[Finding]:
    """The task's own scorer finds no answer in the completions, so a model that learns them is never right."""
    good = r.reference.accepted([r.completions[i] for i in r.judged], [r.subtasks[i] for i in r.judged])
    share = sum(good) / len(good)
    if share < POOR_FORM and r.reference.can_judge:
        first = next(i for i, fits in zip(r.judged, good, strict=True) if not fits)
        message = (
            f"the scorer finds an answer in {share:.0%} of the completions ({len(good)} were tried); "
            f"none in row {first + 1}: {text.quote(r.completions[first][-80:])}"
        )
        severity: Severity = "error" if share < NO_FORM else "warning"
        fix = f"end completions with an answer in the task's form: {r.reference.task.spec.output_format[:400]}"
        yield _finding("wrong_answer_format", message, fix, severity)


def known_subtasks(r: Rows) -> Iterator[Finding]:
    """Rows name a sub-task that the task does not have."""
    known = {"", *r.reference.task.spec.subtasks}
    bad = [subtask not in known for subtask in r.subtasks]
    if any(bad):
        name = text.quote(next(s for s, is_bad in zip(r.subtasks, bad, strict=True) if is_bad))
        fix = f"sub-tasks: {', '.join(r.reference.task.spec.subtasks) or 'none; omit the key'}"
        message = f"{_share(bad)} of the rows name an unknown sub-task, e.g. {name}"
        yield _finding("unknown_subtask", message, fix, "warning")


def enough_rows(r: Rows) -> Iterator[Finding]:
    """There are too few rows to teach much."""
    if len(r.rows) < ENOUGH:
        yield _finding(
            "few_rows", f"there are only {plural(len(r.rows), 'row')}", "use more of the raw data", "warning"
        )


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
    """Return the share of prompts that contain their own answer more often than any of a few other answers."""
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


def _judge(code: str, bad: Sequence[bool], fault: str, fix: str) -> Iterator[Finding]:
    """Yield one finding for a fault of some rows; an error if at least ``MOST`` of them have it."""
    if sum(bad) > SOME * len(bad):
        severity: Severity = "error" if sum(bad) >= MOST * len(bad) else "warning"
        yield _finding(code, f"{_share(bad)} of the rows {fault}, e.g. {_first(bad)}", fix, severity)


def _share(bad: Sequence[bool]) -> str:
    return f"{sum(bad) / len(bad):.0%}"


def _first(bad: Sequence[bool]) -> str:
    return f"row {bad.index(True) + 1}"


def _finding(code: str, message: str, fix: str, severity: Severity = "error") -> Finding:
    return Finding(code=code, gate=2, severity=severity, message=message, where=WHERE, fix=fix)
