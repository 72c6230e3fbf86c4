"""Gate 3: render all rows with the model's own chat template, and check how much of them is left to learn.

The rows are also checked against the length limits: a model that memorized a completion, cut off where training or
generation cuts it off, must still give an answer that the scorer can read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ftdojo.contract.method_config import MethodConfig
from ftdojo.contract.submission import TRAIN
from ftdojo.findings import Finding, Severity
from ftdojo.gates import text
from ftdojo.gates.content import MOST, NO_FORM, POOR_FORM, SOME, USUAL, WHERE, Rows
from ftdojo.gates.finding import at_gate, number_findings, settle
from ftdojo.gates.memory import check_memory
from ftdojo.models import Chat
from ftdojo.plain import plural
from ftdojo.training import Tokenized, TokenizedRow, Trainer

FEW_STEPS = 5


@dataclass(frozen=True)
class Tokens:
    """Input of gate 3."""

    rows: Rows
    tokenized: Tokenized[TokenizedRow]
    trainer: Trainer[Any, Any]
    config: MethodConfig
    base: Path

    @cached_property
    def chat(self) -> Chat:
        """The model's tokenizer and template."""
        return Chat(self.base)


def check_tokens(
    rows: Rows, trainer: Trainer[Any, Any], config: MethodConfig, base: Path
) -> tuple[Tokenized[TokenizedRow], list[Finding]]:
    """Tokenize all rows and check them. Returns the tokens and the warnings of the gate.

    Raises:
        InputError: if nothing is left to learn, most rows would lose their end, or the longest do not fit into memory.
    """
    with at_gate(3):
        tokenized = trainer.tokenize(rows.rows, base, max_length=config.max_length)
    tokens = Tokens(rows, tokenized, trainer, config, base)
    found = trainer.applicable(finding for check in CHECKS for finding in check(tokens))
    return tokenized, settle([*found, *number_findings(trainer.check_tokens(tokenized, config), 3)])


def something_to_learn(t: Tokens) -> Iterator[Finding]:
    """Rows keep their completions within ``max_length``."""
    counted, limit = t.tokenized.statistics, t.config.max_length
    if counted.truncated <= SOME * counted.rows and t.tokenized.examples:
        return
    fix = f"raise max_length to about {_longest(t)}, or shorten the rows"
    if not t.tokenized.examples:
        message = f"no row has a completion within {limit} tokens: the label mask of every row is empty"
        yield _finding("no_labels", message, "max_length", fix)
    else:
        most = counted.truncated > MOST * counted.rows
        message = f"{counted.truncated} of {counted.rows} rows are longer than {limit} tokens and lose their end"
        if counted.unlabelled:
            message += f"; {counted.unlabelled} of them lose their whole completion"
        severity: Severity = "error" if most else "warning"
        yield _finding("mostly_truncated" if most else "truncated", message, "max_length", fix, severity)


def no_control_tokens(t: Tokens) -> Iterator[Finding]:
    """No text of a row is tokenized as one of the model's special tokens, which begin or end turns, unless the task's
    own questions contain it too."""
    questions = t.rows.reference.questions
    own = {mark.strip() for mark in t.chat.form.marks or ()}  # the reasoning of rows stands between them
    special = [s for s in sorted(t.chat.special - own) if sum(s in q for q in questions) < USUAL * len(questions)]
    bad = [any(token in turn for turn in row.turns for token in special) for row in t.rows.rows]
    if sum(bad) > SOME * len(bad):
        first = t.rows.rows[bad.index(True)]
        found = [token for token in special if any(token in turn for turn in first.turns)]
        message = (
            f"{sum(bad) / len(bad):.0%} of the rows contain special tokens of the model, e.g. "
            f"{text.quote(found[0])} in row {bad.index(True) + 1}: they would begin or end turns there"
        )
        severity: Severity = "error" if sum(bad) >= MOST * len(bad) else "warning"
        fix = "remove them: the model's chat template adds them around the turns"
        yield Finding(code="special_tokens", gate=3, severity=severity, message=message, where=WHERE, fix=fix)


def answers_survive(t: Tokens) -> Iterator[Finding]:
    """The output of a model that memorized the rows, cut at the task's token limit, still contains an answer."""
    counted, reference = t.tokenized.statistics, t.rows.reference
    most = reference.task.spec.max_new_tokens
    if counted.label_max <= most and not counted.truncated:
        return
    subtasks = [t.rows.subtasks[i] for i in t.rows.judged]
    whole = reference.accepted([t.rows.completions[i] for i in t.rows.judged], subtasks)
    cut = reference.accepted([_memorized_output(t, i, most) for i in t.rows.judged], subtasks)
    kept, share = sum(whole), sum(cut) / len(cut)
    if kept >= POOR_FORM * len(whole) and share < POOR_FORM:
        limit = f"training cuts rows at {t.config.max_length} tokens, and generation cuts answers at {most}"
        message = f"{limit}: only {share:.0%} of the completions then still contain an answer"
        fix = f"write completions of at most {most} tokens with the answer, and raise max_length if it cuts rows"
        severity: Severity = "error" if share < NO_FORM else "warning"
        yield Finding(code="answers_too_long", gate=3, severity=severity, message=message, where=WHERE, fix=fix)


def _memorized_output(t: Tokens, number: int, most: int) -> str:
    """Return what a model that memorized the row generates within ``most`` tokens."""
    row = t.rows.rows[number]
    tokens, _ = t.chat.conversation(row.messages)
    begins = len(prompt := t.chat.prompt(row.prompt))
    return t.chat.read(tokens[begins : min(begins + most, t.config.max_length)], prompt)


def adapted_turns(t: Tokens) -> Iterator[Finding]:
    """The template takes the rows as they are: their system turns, and their reasoning."""
    merged = sum(any(turn["role"] == "system" for turn in row.prompt) for row in t.rows.rows)
    if merged and not t.chat.form.takes_system:
        message = f"the model's template has no system turn: its text begins the user turn in {plural(merged, 'row')}"
        fix = "nothing has to be done: the task's prompts are put the same way"
        yield Finding(code="system_merged", gate=3, severity="warning", message=message, where=WHERE, fix=fix)
    reasoned = sum(t.chat.form.has_reasoning(row.messages) for row in t.rows.rows)
    if reasoned and t.chat.form.closes_thinking:
        message = f"prompts are asked without thinking: the reasoning of {plural(reasoned, 'row')} is not learned"
        fix = "run with --thinking on to train it, or write rows without reasoning"
        yield Finding(code="reasoning_dropped", gate=3, severity="warning", message=message, where=WHERE, fix=fix)


def enough_steps(t: Tokens) -> Iterator[Finding]:
    """There are at least ``FEW_STEPS`` optimizer steps."""
    steps = t.config.steps(len(t.tokenized.examples))
    if steps < FEW_STEPS:
        count = plural(len(t.tokenized.examples), "row")
        message = f"{count} in batches of {t.config.batch_size} make {plural(steps, 'optimizer step')}"
        fix = "lower batch_size or gradient_accumulation, or raise epochs"
        yield _finding("few_steps", message, "batch_size", fix, "warning")


def fits_into_memory(t: Tokens) -> Iterator[Finding]:
    """The longest rows fit into memory, by estimate."""
    yield from check_memory(3, t.config, t.base, t.tokenized.examples)


Check = Callable[[Tokens], Iterator[Finding]]
CHECKS: tuple[Check, ...] = (
    something_to_learn,
    no_control_tokens,
    adapted_turns,
    answers_survive,
    enough_steps,
    fits_into_memory,
)


def _longest(t: Tokens) -> int:
    """Return the 95th percentile of the rows' untruncated lengths, in tokens."""
    whole = t.trainer.tokenize(t.rows.rows, t.base, max_length=2**31)
    return whole.statistics.row_p95


def _finding(code: str, message: str, key: str, fix: str, severity: Severity = "error") -> Finding:
    return Finding(code=code, gate=3, severity=severity, message=message, where=f"{TRAIN}: {key}", fix=fix)
