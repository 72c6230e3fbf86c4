"""``ftdojo samples``: the answers of a run in the forms of other tools."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ftdojo.cli.console import out, print_json
from ftdojo.cli.run import Json, MovedTask


class Tool(StrEnum):
    """The tool that reads the files."""

    INSPECT = "inspect"
    LM_EVAL = "lm-eval"


def samples(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the files.")],
    form: Annotated[
        Tool, typer.Option(help="inspect: .eval logs; lm-eval: samples as of lm-evaluation-harness.")
    ] = Tool.INSPECT,
    task: MovedTask = None,
    json: Json = False,
) -> None:
    """Write every answer of a finished run, on validation and test, with its right answer and its score.

    The files are for the owner of the run: they hold right answers, and must not be shown to an agent.

    [bold]Examples[/]

      ftdojo samples runs/demo logs

      ftdojo samples runs/demo logs --form lm-eval
    """
    from ftdojo.audit.samples import read_samples
    from ftdojo.record import Home
    from ftdojo.report import eval_logs, text

    write = eval_logs.write_inspect if form is Tool.INSPECT else eval_logs.write_lm_eval
    found = read_samples(run_dir, home=Home.default(), task=task)
    written = write(found, folder)
    if json:
        print_json({"files": [str(path) for path in written]})
        return
    for path, evaluated in zip(written, found.evaluations, strict=True):
        named = {evaluated.score.metric: evaluated.score, **evaluated.untrained}
        scores = "; ".join(f"{name} {text.score(score)}" for name, score in named.items())
        out.print(Text(f"{path}: {scores}"), soft_wrap=True)
