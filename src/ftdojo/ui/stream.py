"""Server-sent events of one run: what is new in its ledger, each event once, and the loss of the training.

- ``log``: an event of the ledger; its number is the id of the message, from which a client that comes back goes on.
- ``state``: the state of the run.
- ``curve``: the losses of the training that is under way, all of them.
- ``fault``: the record cannot be read.
- ``end``: nothing more will come: the run is over, or another one is in its place.

Every client has its own place in the ledger, and reads from there, so nothing is kept for a slow one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from sse_starlette import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from ftdojo.errors import FtdojoError
from ftdojo.record.state import Signature, read_new
from ftdojo.report import text
from ftdojo.ui.log import Line, describe
from ftdojo.ui.page import list_current
from ftdojo.ui.watched import Watched

EVERY_S = 0.5
"""Seconds between two looks at the ledger."""
RETRY_MS = 3000
"""After which a client comes back."""
GOING_ON = ("running", "finishing", "interrupted")
"""States of runs that may go on."""


async def follow(run: Watched, after: int) -> AsyncIterator[ServerSentEvent]:
    """Yield what happens in a run after the event with the number ``after``, until the run is over."""
    signature, shown_state, curve = None, "", None
    file = Signature.of(run.folder).file
    yield ServerSentEvent(retry=RETRY_MS, comment="begin")
    while True:
        now = Signature.of(run.folder)
        if now.file != file:
            yield _message("end", "replaced")
            return
        lines: list[Line] = []
        try:
            state = await run_in_threadpool(_read_state, run)
            if now != signature:
                lines = await run_in_threadpool(_read_lines, run, after)
        except FtdojoError as error:
            yield _message("fault", text.line(str(error), 400))
            return
        for line in lines:
            after = line.seq
            yield _message("log", line._asdict(), id_=after)
        if lines:
            continue  # there may be more
        signature = now
        if state != shown_state:
            shown_state = state
            yield _message("state", state)
        if state not in GOING_ON:
            yield _message("end", "over")
            return
        newest = await run_in_threadpool(_read_curve, run)
        if newest != curve:
            curve = newest
            yield _message("curve", curve)
        await asyncio.sleep(EVERY_S)


def _read_lines(run: Watched, after: int) -> list[Line]:
    return [describe(recorded) for recorded in read_new(run.folder, after)]


def _read_state(run: Watched) -> str:
    with run.turn:
        run.update()
        return run.state


def _read_curve(run: Watched) -> dict[str, Any]:
    with run.turn:
        return list_current(run)


def _message(kind: str, data: Any, id_: int | None = None) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(data, allow_nan=False), event=kind, id=None if id_ is None else str(id_))
