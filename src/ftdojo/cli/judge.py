"""``ftdojo judge``: a language model judges predictions, and its own errors count."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from ftdojo.cli.console import Live, out, print_json
from ftdojo.cli.run import Json, MovedTask
from ftdojo.cli.tasks import read_rows
from ftdojo.contract.task_spec import JUDGED, RUBRIC
from ftdojo.errors import LlmError, UsageError
from ftdojo.plain import plural

if TYPE_CHECKING:
    from ftdojo.judge import Answers, JudgedReport

BASE = "@base"
"""After the name of a run: its base model."""


def judge(
    what: Annotated[
        str,
        typer.Argument(
            metavar="TASK|RUN",
            help="A task, of which --predictions are judged; or a finished run, of which the best model is judged; "
            "RUN@base is its base model.",
        ),
    ],
    by: Annotated[str, typer.Option(metavar="PROVIDER:MODEL", help="The language model that judges.")],
    replies: Annotated[
        Path, typer.Option(help="File of the judge's replies with their costs; what is in it is not asked again.")
    ],
    items: Annotated[
        Path | None, typer.Option(help="Of a task: evaluation items, with ids; without any, rows are numbered.")
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option(help='Of a task: predictions as JSON lines: {"id": …, "output": …}.')
    ] = None,
    test: Annotated[
        bool, typer.Option("--test", help="Of a run: judge the answers to its test items, which the model then sees.")
    ] = False,
    rubric: Annotated[
        Path | None, typer.Option(help=f"What makes an answer right, in words; {RUBRIC} of a task folder if not given.")
    ] = None,
    judged: Annotated[
        Path | None,
        typer.Option(
            help='Outputs that a person has judged, as JSON lines: {"item": {…}, "output": …, "right": true}; '
            f"{JUDGED} of a task folder if not given."
        ),
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="An OpenAI-compatible server for a judge named openai:… (vLLM, Ollama …).")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Most requests at one time.")] = 8,
    input_tokens: Annotated[
        int | None, typer.Option(min=1, help="Most input tokens of all replies in the file.")
    ] = None,
    output_tokens: Annotated[
        int | None, typer.Option(min=1, help="Most output tokens of all replies in the file.")
    ] = None,
    cost_usd: Annotated[
        float | None, typer.Option(min=0.0, help="Most dollars of all replies in the file, by public prices.")
    ] = None,
    task: MovedTask = None,
    json: Json = False,
) -> None:
    """Let a language model judge predictions, and correct the score by what it says of outputs judged by people.

    The model first judges outputs that people have judged: it is refused if it is not better than chance. The
    questions, right answers and outputs are sent to it. Repeat the command to go on where it was interrupted. Requests
    in flight may exceed a limit.

    [bold]Examples[/]

      ftdojo judge reviews --items items.jsonl --predictions answers.jsonl --by openai:gpt-5.2 --replies replies.jsonl

      ftdojo judge runs/reviews --by openai:qwen3 --base-url http://127.0.0.1:8000/v1 --replies replies.jsonl
    """
    from ftdojo.contract.budget import Budget
    from ftdojo.judge import Judge, JudgeScorer, ReplyFile, calibrate, read_judged, read_rubric, report
    from ftdojo.llm import connect, require_address

    if _is_run(what):
        if items or predictions:
            raise UsageError(f"{what} is a run, which has its answers", fix="leave out --items and --predictions")
        answers = _answers_of_run(what, task, test=test)
    else:
        if test:
            raise UsageError(f"--test is for runs, and {what} is none", fix="put the items into the file of --items")
        answers = _answers_in_file(what, items, predictions)
    budget = Budget(input_tokens=input_tokens, output_tokens=output_tokens, cost_usd=cost_usd)
    pairs = read_judged(judged or _find(answers.place, JUDGED, "--judged"))
    with Live() as live:
        scorer = JudgeScorer(
            task=answers.task,
            judge=Judge(
                model=by,
                server=require_address(base_url) if base_url else "",
                rubric=read_rubric(rubric or _find(answers.place, RUBRIC, "--rubric")),
            ),
            replies=ReplyFile(replies, budget),
            connect=lambda: connect(by, base_url=base_url),
            concurrency=concurrency,
            progress=live,
        )
        try:
            judgement = report(scorer, calibrate(scorer, pairs), answers.items, answers.outputs)
        except LlmError as error:
            error.fix = f"what it has answered is kept in {replies}: repeat the command, with a larger limit if needed"
            raise
    if json:
        print_json(judgement)
    else:
        _print(judgement, replies)


def _is_run(what: str) -> bool:
    from ftdojo.record import RunFolder

    return RunFolder(Path(what.removesuffix(BASE))).ledger.is_file()


def _answers_of_run(run: str, task: str | None, *, test: bool) -> Answers:
    """Return the answers that a run keeps of its best model, or of its base model."""
    from ftdojo.audit.answers import read_answers
    from ftdojo.record import Home

    folder = Path(run.removesuffix(BASE))
    return read_answers(folder, home=Home.default(), base=run.endswith(BASE), test=test, task=task)


def _answers_in_file(task: str, items: Path | None, predictions: Path | None) -> Answers:
    """Return the answers in a file of predictions."""
    from ftdojo import tasks
    from ftdojo.judge import Answers
    from ftdojo.tasks.scoring import pair

    found = tasks.get(task)
    if items is None or predictions is None:
        raise UsageError("nothing says which answers are judged", fix="name them with --items and --predictions")
    records = read_rows(items)
    outputs = pair(records, read_rows(predictions), where=predictions.name)
    return Answers(task=found, place=task, items=records, outputs=outputs)


def _find(task: str, name: str, option: str) -> Path:
    """Return a file of a task folder.

    Raises:
        UsageError: if the task is no folder, or the file leads out of it.
    """
    from ftdojo.files import require_inside

    if not Path(task).is_dir():
        raise UsageError(f"the task '{task}' is no folder that could hold {name}", fix=f"name the file with {option}")
    require_inside(Path(task), "the task folder", (name,))
    return Path(task) / name


def _print(found: JudgedReport, replies: Path) -> None:
    facts = found.judge
    low, high = found.corrected_interval
    counts = f" [{low:.2f}, {high:.2f}] n = {found.n}, corrected for the judge's errors"
    out.print(Text.assemble("right ", (f"{found.corrected:.2f}", "bold"), counts), soft_wrap=True)
    low, high = found.interval
    out.print(f"  as the judge says: {found.value:.2f} [{low:.2f}, {high:.2f}]", soft_wrap=True)
    for name, part in found.subtasks.items():
        out.print(f"  {name}, as the judge says: {part.value:.2f} (n = {part.n})", soft_wrap=True)
    if without := int(found.metrics["no_verdict"]):
        out.print(f"  without a verdict, and so not right: {plural(without, 'output')}", soft_wrap=True)
    out.print(
        f"judge {facts.model}: accepts {facts.accepted} of {plural(facts.right, 'right output')}, rejects "
        f"{facts.rejected} of {plural(facts.wrong, 'wrong one')}",
        soft_wrap=True,
    )
    out.print(
        f"cost of all replies in {replies}: {facts.input_tokens:,} input tokens, {facts.output_tokens:,} output "
        f"tokens, ${facts.cost_usd:.2f}",
        soft_wrap=True,
    )
