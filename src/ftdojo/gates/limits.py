"""Whether a model has room for a task: gold answers within the token limit of answers, prompts within the context.

This is checked before anything is paid for. Where no answer can be right, it is an error; where some are lost, a
warning with their number. Validation items stand for those of test.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ftdojo import models
from ftdojo.contract.task_spec import Message, Record
from ftdojo.findings import Finding, Severity
from ftdojo.models import Chat
from ftdojo.tasks.external import RunsCode
from ftdojo.tasks.spec import Task

MOST_ITEMS, MOST_WITH_CODE = 200, 20
"""Items that are checked, evenly chosen; fewer where every score starts a process."""
SOME = 0.02
"""A larger share of items that are lost is a warning."""
WHERE = "task"


def check_limits(task: Task, items: Sequence[Record], base: Path) -> list[Finding]:
    """Check the token limits of a task on its validation items.

    Args:
        task: with a runner, if its scorer runs code.
        items: the validation items.
        base: the folder of the model.
    """
    most = MOST_WITH_CODE if isinstance(task.scorer, RunsCode) else MOST_ITEMS
    chosen = list(items)[:: max(1, len(items) // most)]
    chat, context = Chat(base), models.describe(base).context_length
    prompts = [chat.prompt(task.prompt(item)) for item in chosen]
    return [
        *_check_prompts([len(prompt) for prompt in prompts], task.spec.max_new_tokens, context),
        *_check_answers(task, chosen, prompts, chat),
    ]


def describe_beyond(prompts: Sequence[list[Message]], base: Path) -> str | None:
    """Return a sentence about the prompts that fill or exceed the context of a model; ``None`` if all fit."""
    chat, context = Chat(base), models.describe(base).context_length
    return _describe_beyond([len(chat.prompt(prompt)) for prompt in prompts], context)


def _describe_beyond(lengths: Sequence[int], context: int) -> str | None:
    beyond = sum(length >= context for length in lengths)
    if not beyond:
        return None
    message = f"{beyond} of {len(lengths)} prompts fill or exceed the model's context of {context} tokens"
    return f"{message}; the longest has {max(lengths)}"


def _check_prompts(lengths: Sequence[int], answer: int, context: int) -> list[Finding]:
    tight = sum(length < context < length + answer for length in lengths)
    found = []
    if message := _describe_beyond(lengths, context):
        severity: Severity = "error" if min(lengths) >= context else "warning"
        found.append(_finding("beyond_context", message, "choose a model with a longer context", severity))
    elif tight > SOME * len(lengths):
        message = f"{tight} of {len(lengths)} prompts leave less than the {answer} tokens of an answer in the model's "
        message += f"context of {context} tokens"
        found.append(_finding("tight_context", message, "lower max_new_tokens, or choose a longer context", "warning"))
    return found


def _check_answers(task: Task, items: Sequence[Record], prompts: Sequence[list[int]], chat: Chat) -> list[Finding]:
    """Score the gold answers, cut at the token limit of answers."""
    limit = task.spec.max_new_tokens
    lengths, cut = [], []
    for item, prompt in zip(items, prompts, strict=True):
        gold = task.gold(item)
        try:
            tokens, _ = chat.conversation([*task.prompt(item), {"role": "assistant", "content": gold}])
        except ValueError:  # gate 3 speaks of a template that takes no answers
            return []
        lengths.append(len(tokens) - len(prompt))
        cut.append(chat.decode(tokens[len(prompt) : len(prompt) + limit]) if lengths[-1] > limit else gold)
    long = [i for i, length in enumerate(lengths) if length > limit]
    if not long:
        return []
    chosen = [items[i] for i in long]
    whole = task.scorer.score(chosen, [task.gold(item) for item in chosen])
    short = task.scorer.score(chosen, [cut[i] for i in long])
    sign = 1.0 if task.spec.higher_is_better else -1.0
    lost = [a for a, b in zip(whole, short, strict=True) if sign * b.score < sign * a.score]
    none_right = len(lost) == len(items) and all(score.score == 0.0 for score in short)
    if not none_right and len(lost) <= SOME * len(items):
        return []
    message = f"answers are cut at {limit} tokens (max_new_tokens), and {len(lost)} of {len(items)} gold answers lose "
    message += f"score by it; the longest has {max(lengths)} tokens"
    severity: Severity = "error" if none_right and task.spec.higher_is_better else "warning"
    return [_finding("answers_beyond_limit", message, f"set max_new_tokens to at least {max(lengths)}", severity)]


def _finding(code: str, message: str, fix: str, severity: Severity) -> Finding:
    return Finding(code=code, gate=0, severity=severity, message=message, where=WHERE, fix=fix)
