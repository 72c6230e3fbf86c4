"""The language models of a run: over the network, or from the record of an earlier run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ftdojo.contract.options import RunOptions
from ftdojo.errors import UsageError

if TYPE_CHECKING:
    from ftdojo.gateway import DataLlm
    from ftdojo.llm import Transport

Llms = tuple["Transport | None", "DataLlm | None"]
"""The transport to the planner's model, ``None`` without one; the models that data programs may call."""


def connect_models(options: RunOptions) -> Llms:
    """Return the models that the options name. No request is made.

    Raises:
        UsageError: if a name is malformed, or if no model would use the server.
    """
    if options.replay is not None:
        planner, models = load_recorded(options.replay)
        return planner, _make_data_llm(models, options)
    from ftdojo.gateway import DataLlm
    from ftdojo.llm import connect

    asks = options.planner is not None and ":" in options.planner
    if options.base_url and not asks and not options.data_llm and not options.judge:
        raise UsageError(
            "--base-url has no effect: the playbook calls no language model",
            fix="add --planner openai:MODEL, or leave --base-url out",
        )
    planner = connect(options.planner or "", base_url=options.base_url) if asks else None
    return planner, DataLlm.from_options(options)


def load_recorded(run: Path) -> tuple[Transport | None, dict[str, Transport]]:
    """Return transports that replay the replies recorded in a run: the planner's, and those of data programs by pool.

    Raises:
        UsageError: if no model was called in the run.
    """
    from ftdojo.llm import Lookup, Replay
    from ftdojo.record import Ledger
    from ftdojo.record.history import History

    with Ledger(run, writable=False) as ledger:
        history = History(ledger)
        identity = history.configuration
        calls = [call for made in history.calls for call in made]
        data_calls = [call for made in history.data_calls for call in made]
    if identity is None or not (calls or data_calls):
        raise UsageError(f"no LLM was called in {run}", fix="name a run with an LLM as planner, or with --data-llm")
    planner = Replay(calls, calls[0].model) if calls else None
    return planner, {
        pool: Lookup([call for call in data_calls if call.model == model], model)
        for pool, model in identity.data_llm.items()
    }


def _make_data_llm(models: dict[str, Transport], options: RunOptions) -> DataLlm | None:
    from ftdojo.gateway import DataLlm

    return DataLlm(models=models, concurrency=options.llm_concurrency) if models else None
