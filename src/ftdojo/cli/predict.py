"""``ftdojo predict``: write the outputs of a model for a file of items."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer

from ftdojo.cli.console import Live, err, print_json
from ftdojo.cli.options import with_options
from ftdojo.cli.run import NO_AGENT, Json
from ftdojo.cli.tasks import read_rows
from ftdojo.contract.options import RunOptions

NO_BUDGET = dict.fromkeys(("input_tokens", "output_tokens", "cost_usd"), "calls to a served model have no limit")


@with_options(NO_AGENT | dict.fromkeys(("data_llm", "llm_concurrency"), "no data program runs") | NO_BUDGET)
def predict(
    options: RunOptions,
    items: Annotated[Path, typer.Option(help="Evaluation items as JSON lines, each with an id.")],
    to: Annotated[Path, typer.Option(help="File of the predictions; predictions already in it are not made again.")],
    served: Annotated[
        str | None, typer.Option(metavar="PROVIDER:MODEL", help="Call this model over the network instead.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Concurrent requests to a served model.")] = 32,
    json: Json = False,
) -> None:
    """Generate a model's answers to evaluation items, greedily, with the task's prompts; `ftdojo score` scores them.

    [bold]Examples[/]

      ftdojo predict math/aime25 --items items.jsonl --to answers.jsonl --model runs/mine/model

      ftdojo predict math/aime25 --items items.jsonl --to answers.jsonl --served openai:qwen3 --base-url http://127.0.0.1/v1
    """
    from contextlib import nullcontext

    from ftdojo import inference, models, sandbox, tasks
    from ftdojo.gates import count_beyond
    from ftdojo.inference import Generation, ServedEngine
    from ftdojo.llm import connect
    from ftdojo.record import Home

    _, found = tasks.get(options.task, runner=sandbox.run_user_code).variant(options.variant)
    records = read_rows(items)
    known = {row["id"]: row for row in read_rows(to)} if to.is_file() and to.stat().st_size else {}
    answered = {i: known[record["id"]] for i, record in enumerate(records) if record["id"] in known}
    if not served:
        beyond, context = count_beyond(
            [found.prompt(r) for r in records], models.resolve(options.model, Home.default().root)
        )
        if beyond:
            err.print(
                f"warning: {beyond} of {len(records)} prompts fill or exceed the model's context of {context} tokens"
            )
    opened = (
        nullcontext(ServedEngine(connect(served, base_url=options.base_url), concurrency=concurrency))
        if served
        else inference.open_engine(options.engine, models.resolve(options.model, Home.default().root))
    )
    with Live() as live, opened as answering, to.open("a", encoding="utf-8") as stream:

        def keep(answers: dict[int, Generation]) -> None:
            for i, answer in answers.items():
                row = {"id": records[i]["id"], "output": answer.text, "tokens": answer.n_tokens}
                stream.write(jsonlib.dumps({**row, "truncated": answer.truncated}, ensure_ascii=False) + "\n")
                answered[i] = row
            stream.flush()
            live.update("answers", len(answered), len(records), "items")

        done = {i: Generation(r["output"], r.get("tokens", 0), r.get("truncated", False)) for i, r in answered.items()}
        answering.generate(
            [found.prompt(record) for record in records],
            max_new_tokens=found.spec.max_new_tokens,
            done=done,
            on_answers=keep,
        )
        live.end("answers", f"{len(records)} items")
    if json:
        print_json({"predictions": str(to), "items": len(records), "made": len(records) - len(done)})
