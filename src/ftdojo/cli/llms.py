"""The language models that a command line names: what plans, and the pools that data programs may ask."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ftdojo.errors import UsageError

if TYPE_CHECKING:
    from ftdojo.llm import Transport

Llms = tuple["Transport | None", "dict[str, Transport]"]
"""The way to the planner's model, ``None`` for the playbook; pool -> way to its model."""

_POOL = re.compile(r"(?P<pool>[a-z][a-z0-9_-]{0,31})=(?P<model>[^@]+?)(?:@(?P<url>https?://.+))?", re.DOTALL)


def connected(planner: str, named: Sequence[str], base_url: str | None) -> Llms:
    """Ways to models over the network; no request is made.

    Args:
        planner: ``playbook`` or ``PROVIDER:MODEL``.
        named: pools, each ``NAME=PROVIDER:MODEL`` or ``NAME=openai:MODEL@URL``.
        base_url: the server of every ``openai:…`` that names none itself.

    Raises:
        UsageError: for a name of another form.
    """
    from ftdojo.llm import connect

    if base_url and ":" not in planner and not named:
        raise UsageError("the playbook asks no server", fix="add --planner openai:MODEL, or leave --base-url out")
    transport = connect(planner, base_url=base_url) if ":" in planner else None
    return transport, pools(named, base_url)


def pools(named: Sequence[str], base_url: str | None) -> dict[str, Transport]:
    """Pool -> way to its model; see :func:`connected`."""
    from ftdojo.llm import connect

    found: dict[str, Transport] = {}
    for text in named:
        match = _POOL.fullmatch(text)
        if match is None or match["pool"] in found:
            problem = "is no pool" if match is None else "names a pool twice"
            raise UsageError(
                f"--data-llm {text} {problem}", fix="write NAME=PROVIDER:MODEL, e.g. weak=openai:gpt-5-mini"
            )
        url = match["url"] or (base_url if match["model"].startswith("openai:") else None)
        found[match["pool"]] = connect(match["model"], base_url=url)
    return found


def recorded(run: Path) -> Llms:
    """Ways to the answers in the record of a run.

    Raises:
        UsageError: if no model was asked in it.
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
        raise UsageError(f"no LLM was asked in {run}", fix="name a run with an LLM as planner, or with --data-llm")
    planner = Replay(calls, calls[0].model) if calls else None
    return planner, {
        pool: Lookup([call for call in data_calls if call.model == model], model)
        for pool, model in identity.data_llm.items()
    }
