"""``ftdojo chat``: ask the base model and the best model of a run, and show their answers side by side."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from ftdojo.cli.console import err, out, print_json
from ftdojo.cli.run import Json, MovedTask, OfRun

if TYPE_CHECKING:
    from ftdojo.contract.result import RunResult


def chat(
    run_dir: OfRun,
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="What to ask; without it, each line of standard input.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Most tokens of an answer; the task's limit if not given.")
    ] = None,
    task: MovedTask = None,
    json: Json = False,
) -> None:
    """Ask the base model and the best model of a run the same question, and show both answers.

    A text is asked as it is. A JSON object is an item of the task, and is asked with the task's prompt, which is what
    the model was trained for.

    [bold]Examples[/]

      ftdojo chat runs/demo

      ftdojo chat runs/demo '{"ticket": "My order has not arrived."}'
    """
    from ftdojo.audit.asking import open_models, read_prompt
    from ftdojo.audit.base_and_best import find_models
    from ftdojo.record import Home

    found = find_models(run_dir, home=Home.default(), task=task)
    given = None if text is None else [read_prompt(text, found.task)]
    if given == [[{"role": "user", "content": text}]] and not json:
        err.print("the text is asked as it is; an item of the task, as a JSON object, is asked with the task's prompt")
    limit = max_tokens or found.task.spec.max_new_tokens
    with open_models(found) as ask:
        for prompt in given or (read_prompt(line, found.task) for line in _lines()):
            answers = [answer.text for answer in ask(prompt, limit)]
            if json:
                print_json({"prompt": prompt, "base": answers[0], "best": answers[1]}, indent=None)
                continue
            heads = ("base model", f"best model (iteration {found.iteration})")
            scores, caption = _scores(found.result) if found.result else (("", ""), None)
            table = Table(
                *(Column(Text(f"{head}\n{score}".strip())) for head, score in zip(heads, scores, strict=True)),
                caption=caption,
                caption_justify="left",
                expand=True,
            )
            table.add_row(*map(Text, answers))
            out.print(table)


def _scores(result: RunResult) -> tuple[tuple[str, str], str | None]:
    """Return the scores of the two models on test, and those of what needs no training in one line."""
    from ftdojo.report import text

    base, best, easy = result.baseline.test, result.best.test, result.trivial
    if base is None or best is None:
        return ("", ""), None
    shown = (f"{base.metric} on test {text.score(base)}", f"{best.metric} on test {text.score(best)}")
    if easy is None:
        return shown, None
    untrained = [f"{text.trivial(easy, name)} {text.score(score)}" for name, score in easy.distinct.items()]
    return shown, f"without training: {'; '.join(untrained)}"


def _lines() -> Iterator[str]:
    """Yield the lines of standard input that are not empty; on a terminal, ask for each."""
    if sys.stdin.isatty():
        err.print("type a question, or an item of the task as a JSON object; Ctrl-D ends")
    while True:
        if sys.stdin.isatty():
            err.print("> ", end="")
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.strip()
