"""Ask the base model and the best model of a run the same question.

python -m ftdojo.audit.asking        reads a question as JSON on standard input, writes the reply as a line of JSON
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ftdojo import inference
from ftdojo.audit.base_and_best import ModelsOfRun, find_models
from ftdojo.contract.task_spec import Message
from ftdojo.errors import FtdojoError, UsageError
from ftdojo.inference import Generation
from ftdojo.quick_exit import skip_last_collection
from ftdojo.record import Home
from ftdojo.schema import StrictModel
from ftdojo.tasks.rows import has_half_character
from ftdojo.tasks.spec import Task

Ask = Callable[[list[Message], int], list[Generation]]
"""Prompt and most tokens of an answer -> the answers of the base model and of the best model."""


class Question(StrictModel):
    """What a process of its own is asked."""

    run: Path
    """The folder of the run."""
    home: Path
    text: str
    """As :func:`read_prompt` takes it."""
    max_tokens: int
    """Most tokens of an answer; the limit of the task holds, too."""


class Answers(StrictModel):
    """The two answers; texts of models, which nobody has checked."""

    iteration: int
    """Of the best model."""
    base: str
    best: str
    cut: list[str]
    """Which of the two, ``base`` and ``best``, ended at the limit of tokens."""


class Reply(StrictModel):
    """What that process writes: answers, or why there are none."""

    answers: Answers | None = None
    problem: str = ""
    fix: str = ""


@contextmanager
def open_models(found: ModelsOfRun) -> Iterator[Ask]:
    """Load both models; they are freed when the context ends."""
    with (
        inference.open_engine(inference.TRANSFORMERS, found.base) as base,
        inference.open_engine(inference.TRANSFORMERS, found.best) as best,
    ):
        yield lambda prompt, most: [engine.generate([prompt], max_new_tokens=most)[0] for engine in (base, best)]


def read_prompt(text: str, task: Task) -> list[Message]:
    """Return the turns that a text asks: the task's prompt for a JSON object, and a user turn for any other text.

    Raises:
        UsageError: if the object is no item of the task.
    """
    try:
        item = json.loads(text)
    except (ValueError, RecursionError):
        item = None
    if not isinstance(item, dict):
        return [{"role": "user", "content": text}]
    if has_half_character(item):
        raise UsageError("the object holds half a character, such as \\ud83d", fix="write the whole character")
    try:
        return task.prompt(item)
    except Exception as error:  # noqa: BLE001 - the prompt is the task's own code, and the item is typed by hand
        reason = " ".join(str(error).split())[:200]
        named = reason if isinstance(error, ValueError) else f"{type(error).__name__}: {reason}"
        raise UsageError(
            f"{task.spec.id} makes no prompt of this object: {named}",
            fix="give it the keys of the task's items, which `ftdojo data show TASK` lists",
        ) from None


def answer(question: Question) -> Answers:
    """Load the models of a run and ask them.

    Raises:
        FtdojoError: if they cannot be found or loaded, or the question is no item of the task.
    """
    found = find_models(question.run, home=Home(question.home))
    prompt = read_prompt(question.text, found.task)
    with open_models(found) as ask:
        both = ask(prompt, min(question.max_tokens, found.task.spec.max_new_tokens))
    named = dict(zip(("base", "best"), both, strict=True))
    return Answers(
        iteration=found.iteration,
        base=named["base"].text,
        best=named["best"].text,
        cut=[name for name, one in named.items() if one.truncated],
    )


def main() -> None:
    """Run the process: see the module's docstring."""
    skip_last_collection()
    question = Question.model_validate_json(sys.stdin.read())
    try:
        reply = Reply(answers=answer(question))
    except FtdojoError as error:
        reply = Reply(problem=error.message, fix=error.fix)
    print(reply.model_dump_json())  # noqa: T201


if __name__ == "__main__":
    main()
