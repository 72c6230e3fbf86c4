"""``ftdojo predict``: write the outputs of a model for a file of items."""

from __future__ import annotations

import hashlib
import json as jsonlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ftdojo.cli.console import Live, err, print_json
from ftdojo.cli.options import with_options
from ftdojo.cli.run import NO_AGENT, Json
from ftdojo.cli.tasks import read_rows
from ftdojo.contract.options import RunOptions
from ftdojo.errors import UsageError
from ftdojo.plain import plural

NO_SUBMISSION = dict.fromkeys(("data_llm", "llm_concurrency", "teachers", "methods"), "no submission is made")
NO_BUDGET = dict.fromkeys(("input_tokens", "output_tokens", "cost_usd"), "calls to a served model have no limit")

ORIGIN = "made_from"
"""The field of a prediction with a digest of model, prompt and limit of tokens."""


@with_options(NO_AGENT | NO_SUBMISSION | NO_BUDGET)
def predict(
    options: RunOptions,
    items: Annotated[Path, typer.Option(help="Evaluation items, with ids; without any, rows are numbered.")],
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
    from contextlib import AbstractContextManager, nullcontext

    from ftdojo import inference, models, sandbox, tasks
    from ftdojo.gates import describe_beyond
    from ftdojo.inference import Generation, ServedEngine
    from ftdojo.llm import connect
    from ftdojo.record import Home
    from ftdojo.tasks.own_prompts import TaskWithPrompts, require_prompts, with_prompts

    _, found = tasks.get(options.task, runner=sandbox.run_user_code).variant(options.variant)
    records = read_rows(items)
    found = with_prompts(found, options.prompts)
    if isinstance(found, TaskWithPrompts):
        require_prompts(found, records)
    if to.is_dir():
        raise UsageError(f"{to} is a folder, not a file", fix="name a file with --to")
    known = {row["id"]: row for row in read_rows(to)} if to.is_file() and to.stat().st_size else {}
    answered = {i: known[record["id"]] for i, record in enumerate(records) if record["id"] in known}
    opened: AbstractContextManager[inference.Engine]
    prompts = [found.prompt(record) for record in records]
    if served:
        who = f"{served} {options.base_url}"
        opened = nullcontext(ServedEngine(connect(served, base_url=options.base_url), concurrency=concurrency))
    else:
        root = Home.default().root
        model, thinking = models.set_prompting(
            models.resolve(options.model, root), root, thinking=options.thinking, chat_template=options.chat_template
        )
        found = found.with_thinking(options.model_copy(update={"thinking": thinking}).reasoning_tokens)
        if warning := describe_beyond(prompts, model):
            err.print(f"warning: {warning}", soft_wrap=True)
        who = models.digest(model)
        opened = inference.open_engine(options.engine, model)
    origins = [_origin(who, prompt, found.spec.max_new_tokens) for prompt in prompts]
    _require_same(answered, origins, to)
    with Live() as live, opened as answering, to.open("a", encoding="utf-8") as stream:

        def keep(answers: dict[int, Generation]) -> None:
            for i, answer in answers.items():
                row = {"id": records[i]["id"], "output": answer.text, "tokens": answer.n_tokens, ORIGIN: origins[i]}
                stream.write(jsonlib.dumps({**row, "truncated": answer.truncated}, ensure_ascii=False) + "\n")
                answered[i] = row
            stream.flush()
            live.update("answers", len(answered), len(records), "items")

        done = {i: Generation(r["output"], r.get("tokens", 0), r.get("truncated", False)) for i, r in answered.items()}
        answering.generate(
            prompts,
            max_new_tokens=found.spec.max_new_tokens,
            done=done,
            on_answers=keep,
        )
        live.end("answers", plural(len(records), "item"))
    if json:
        print_json({"predictions": str(to), "items": len(records), "made": len(records) - len(done)})


def _origin(model: str, prompt: object, max_new_tokens: int) -> str:
    """Return a digest of all that an answer depends on."""
    text = jsonlib.dumps([model, prompt, max_new_tokens], ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _require_same(answered: Mapping[int, Mapping[str, Any]], origins: Sequence[str], to: Path) -> None:
    """Raise an error if answers that are there were made by another model, or from another prompt.

    Raises:
        UsageError: if so.
    """
    others = [row["id"] for i, row in answered.items() if row.get(ORIGIN, origins[i]) != origins[i]]
    if others:
        raise UsageError(
            f"{to} holds {len(others)} answers of another model, or to other prompts, e.g. for item {others[0]}",
            fix="name another file with --to, or delete this one",
        )
