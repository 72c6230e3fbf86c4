"""Ask the base model and the best model of a run from its page.

The models are loaded in a process of their own, whose memory is given back when it ends: with its answers, after its
time, when the page has gone, or with the server. One question is answered at a time.
"""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from ftdojo import child
from ftdojo.audit.asking import Answers, Question, Reply
from ftdojo.errors import InfrastructureError, UsageError
from ftdojo.record import Home
from ftdojo.report import text
from ftdojo.schema import StrictModel

CHARACTERS = 20_000
"""Of a question."""
LARGEST_REQUEST = 8 * CHARACTERS
"""Bytes of a request with a question."""
TOKENS = 512
"""The most tokens of an answer."""
TIME_S = 300.0
"""Seconds for an answer, with the time in which the models are loaded."""
LOOK_S = 0.3
"""Seconds between two looks at whether the page is still there."""
PATIENCE_S = 1.5
"""Seconds to wait for the end of another question: one that was just cancelled ends in this time."""
SHOWN = 16_000
"""Characters of an answer."""


class Asked(StrictModel):
    """The body of a request."""

    question: str = Field(min_length=1, max_length=CHARACTERS)


class GoneError(Exception):
    """The page that asked has gone."""


def read_question(body: bytes) -> str:
    """Return the question in the body of a request.

    Raises:
        UsageError: if there is none, or it is too long.
    """
    try:
        return Asked.model_validate_json(body).question
    except ValidationError as error:
        reason = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise UsageError(
            f"the question cannot be read: {reason}", fix=f"ask with 1 to {CHARACTERS:,} characters"
        ) from None


def clean_answers(answers: Answers) -> dict[str, Any]:
    """Return answers as values of JSON: of bounded length, without characters that act on a terminal or a page."""
    shown = {name: text.clean(getattr(answers, name), SHOWN) for name in ("base", "best")}
    return answers.model_dump() | shown


class Asking:
    """Answers the questions of all pages of a server."""

    def __init__(self, time_s: float = TIME_S) -> None:
        self._time_s = time_s
        self._turn = asyncio.Lock()

    async def ask(self, run: Path, question: str, is_gone: Callable[[], Awaitable[bool]]) -> dict[str, Any]:
        """Return the answers, as :func:`clean_answers` does.

        Args:
            run: the folder of the run.
            question: a text, or an item of the task as a JSON object.
            is_gone: whether nobody waits for the answers any more.

        Raises:
            UsageError: if another question is being answered, the time is over, or the models cannot be asked.
            InfrastructureError: if the process failed.
            GoneError: if nobody waits any more.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._turn.acquire()
        except TimeoutError:
            raise UsageError("another question is being answered", fix="wait for its answer, or cancel it") from None
        try:
            request = Question(run=run.absolute(), home=Home.default().root, text=question, max_tokens=TOKENS)
            answers = await self._answer(request, is_gone)
        finally:
            self._turn.release()
        return clean_answers(answers)

    async def _answer(self, request: Question, is_gone: Callable[[], Awaitable[bool]]) -> Answers:
        program = child.command(*child.module("ftdojo.audit.asking"))
        process = await asyncio.create_subprocess_exec(*program, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        try:
            written, complaints = await self._communicate(process, request.model_dump_json().encode(), is_gone)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode or not written.strip():
            problem = complaints.decode(errors="replace").strip()[-400:]
            raise InfrastructureError(
                f"the process with the models ended with status {process.returncode}: {problem}",
                fix="is there enough memory for both models? `ftdojo chat` asks them in a terminal",
            )
        reply = Reply.model_validate_json(written.splitlines()[-1])
        if reply.answers is None:
            raise UsageError(reply.problem, fix=reply.fix)
        return reply.answers

    async def _communicate(
        self, process: Process, request: bytes, is_gone: Callable[[], Awaitable[bool]]
    ) -> tuple[bytes, bytes]:
        exchange = asyncio.ensure_future(process.communicate(request))
        try:
            async with asyncio.timeout(self._time_s):
                while not (await asyncio.wait({exchange}, timeout=LOOK_S))[0]:
                    if await is_gone():
                        raise GoneError
        except TimeoutError:
            raise UsageError(
                f"the models have not answered in {text.duration(self._time_s)}",
                fix="ask for something shorter, or use `ftdojo chat` in a terminal",
            ) from None
        finally:
            exchange.cancel()
        return exchange.result()
