"""The tools of the server: their names, arguments and descriptions, and what each of them does.

Agents hide the server's instructions from their model, and some drop limits and defaults from schemas. So a description
says all that a model needs. Names begin with ``dojo_``: agents have tools called ``task`` or ``finish`` of their own.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import anyio
from mcp_types import Tool as Definition
from mcp_types import ToolAnnotations
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ftdojo.contract.protocol import Iteration, Observation
from ftdojo.contract.result import RunResult
from ftdojo.contract.script import SCRIPT, TRAIN_SCRIPT
from ftdojo.contract.submission import PLAN, RECIPE, TRAIN
from ftdojo.errors import UsageError
from ftdojo.outside import answers
from ftdojo.outside.layout import fit
from ftdojo.outside.seat import Cancelled, Room, Seat, Watched

WAIT_S, MAX_WAIT_S = 20.0, 600.0
"""Seconds after which a call answers: agents with a shell give a command 30 seconds, among them its start."""
POLL_S, REPORT_S = 0.1, 2.0
OUTPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "state": {"type": "string", "description": "what the episode is doing, or what this answer is"},
        "remaining": {"type": "object", "description": "what is left of the budget now, by account"},
    },
    "required": ["state", "remaining"],
}
"""Of every answer; further keys depend on the tool."""
WHOLE = ("state", "remaining", "verdict", "next", "submission", "schema", "output_format", "metric", "budget")
"""Keys of answers that are never cut."""
SHOWN_NAME = re.compile(r"[\w.-]{1,20}\Z", re.ASCII)
"""Names of unknown arguments that an answer repeats."""

Report = Callable[[float, float, str], Awaitable[None]]
"""Reports progress: done, total, and the stage."""


def _read_object(value: Any) -> Any:
    """Some models send an object as a text that holds JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


class NoArguments(BaseModel):
    """Arguments of a call. Unknown ones are ignored, and the answer says so: agents add some of their own. ``null``
    means left out."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _leave_out_null(cls, given: Any) -> Any:
        return {k: v for k, v in given.items() if v is not None} if isinstance(given, dict) else given


class Waiting(NoArguments):
    """Arguments of a call that waits."""

    wait_s: float = Field(WAIT_S, ge=0, le=MAX_WAIT_S, description="seconds after which it answers in any case")


class Submitting(Waiting):
    """Arguments of a call with a submission."""

    files: Annotated[dict[str, str], BeforeValidator(_read_object)] = Field(
        description=f"name -> text: {PLAN}, {TRAIN}, and {RECIPE} or {SCRIPT}; {TRAIN_SCRIPT} for method program"
    )


class Schema(NoArguments):
    """Arguments of ``dojo_schema``."""

    file: str = Field(description=f"{PLAN}, {TRAIN} or {RECIPE}")
    method: str = Field("", description=f"for {TRAIN}: the training method")


class OfFile(NoArguments):
    """Arguments of ``dojo_raw_data``."""

    path: str = Field("", description="a file; left out: all files in short")


class Rows(NoArguments):
    """Arguments of ``dojo_read_raw``."""

    path: str = Field(description="a file of dojo_raw_data")
    start: int = Field(0, ge=0, description="the first row, from 0")
    rows: int = Field(5, ge=1, le=answers.ROWS)


class OfIteration(NoArguments):
    """Arguments of ``dojo_feedback``."""

    iteration: int = Field(ge=0, description="its number; 0 is the base model")
    level: answers.Level = "all"


@dataclass
class Desk:
    """What the tools work with."""

    seat: Seat
    watched: Watched
    last_call: float = field(default_factory=time.monotonic)
    """When the last call began."""
    asked: float = field(default_factory=time.monotonic)
    """When the request began that ``dojo_wait`` waits for."""
    listed: threading.Event = field(default_factory=threading.Event)
    """Set when the agent has asked for the tools."""
    result_was_read: bool = False
    """Whether a call has returned the result."""

    @property
    def state(self) -> str:
        """What the episode is doing, in one word."""
        if self.seat.result is not None:
            return "ended"
        if self.seat.failure is not None:
            return "failed"
        if self.seat.stopping:
            return "scoring_test"
        if self.seat.observation is None:
            return "measuring_base_model"
        return "your_turn" if self.seat.news.done() else "running"

    @property
    def stage(self) -> str:
        """What is being done at this moment."""
        if self.state == "scoring_test":
            return "the best model is exported and scored on test"
        return self.watched.latest

    def observation(self) -> Observation:
        """The newest observation.

        Raises:
            UsageError: while there is none.
        """
        if self.seat.failure is not None:
            raise self.seat.failure
        if self.seat.observation is None:
            raise UsageError(
                f"the base model is still being measured ({self.watched.latest})", fix="call dojo_wait first"
            )
        return self.seat.observation

    def answer(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the whole answer: with its state, and what is left of the budget."""
        self.result_was_read |= "result" in document
        begin = {"state": self.state, "remaining": self.seat.remaining}
        return fit({**begin, **document}, WHOLE)

    async def answer_news(self, wait_s: float, report: Report) -> dict[str, Any]:
        """Wait for the answer to the last request until the time is up."""
        begun = reported = time.monotonic()
        while not self._has_news() and time.monotonic() - begun < wait_s:
            await anyio.sleep(min(POLL_S, wait_s))
            if time.monotonic() - reported > REPORT_S:
                reported = time.monotonic()
                await report(reported - begun, wait_s, self.stage)
        if not self._has_news():
            # The seconds make every answer another one: OpenHands ends an agent that gets the same one a few times.
            since = {"running_for_s": round(time.monotonic() - self.asked, 1)}
            return self.answer({"state": "running", "stage": self.stage, **since, "next": "call dojo_wait"})
        return self.answer(_describe_news(self.seat))

    def _has_news(self) -> bool:
        if self.seat.stopping and self.seat.failure is None:
            return self.seat.result is not None
        return self.seat.news.done()


def _describe_news(seat: Seat) -> dict[str, Any]:
    if seat.failure is not None:
        raise seat.failure
    news = seat.result or seat.news.result()
    if isinstance(news, RunResult):
        return {"state": "ended", "result": answers.describe_result(news)}
    if isinstance(news, list):
        return {"state": "checked", **answers.describe_findings(news)}
    if isinstance(news, Iteration):
        return {"state": "iteration", **answers.describe_iteration(news)}
    if isinstance(news, type):
        assert news is Cancelled
        return {"state": "cancelled", "next": "its time is charged; dojo_submit another submission, or dojo_finish"}
    return {"state": "baseline", **answers.describe_baseline(news)}


Arguments = Any
"""An instance of the tool's model of arguments."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool."""

    name: str
    title: str
    description: str
    arguments: type[NoArguments]
    run: Callable[[Desk, Arguments, Report], Awaitable[dict[str, Any]]]
    reads_only: bool = True
    """Whether it changes nothing and costs nothing but time."""

    @property
    def definition(self) -> Definition:
        """As clients get it. Nothing that a tool does is destructive, or reaches beyond the episode."""
        return Definition(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=answers.without_titles(_without_description(self.arguments.model_json_schema())),
            output_schema=OUTPUT_SCHEMA,
            annotations=ToolAnnotations(
                title=self.title,
                read_only_hint=self.reads_only,
                destructive_hint=False,
                idempotent_hint=self.reads_only,
                open_world_hint=False,
            ),
        )

    def parse(self, given: Mapping[str, Any] | None) -> NoArguments:
        """Read the arguments of a call.

        Raises:
            UsageError: if one is missing or wrong.
        """
        try:
            return self.arguments.model_validate(dict(given or {}))
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, fault["loc"])) or "arguments"
            raise UsageError(f"{place[:80]}: {fault['msg'][:300]}", fix=f"see the schema of {self.name}") from None

    def name_ignored(self, given: Mapping[str, Any] | None) -> str:
        """Say which of the arguments the tool does not have; empty if it has all. Shorter than the room of an answer
        that :func:`ftdojo.outside.layout.fit` leaves."""
        known = self.arguments.model_fields
        unknown = [name for name, value in (given or {}).items() if name not in known and value is not None]
        if not unknown:
            return ""
        shown = ", ".join(name for name in unknown[:2] if SHOWN_NAME.match(name)) or "names that cannot be shown"
        return f"{shown}{' and more' if len(unknown) > 2 else ''}: no arguments of {self.name}"


def _without_description(schema: dict[str, Any]) -> dict[str, Any]:
    """A class's docstring is for readers of the code."""
    return {key: value for key, value in schema.items() if key != "description"}


def _room(desk: Desk) -> Room:
    if desk.seat.room is None:
        raise UsageError("the episode has ended", fix="dojo_status has its result")
    return desk.seat.room


async def _task(desk: Desk, _: Arguments, __: Report) -> dict[str, Any]:
    return desk.answer(answers.describe_task(desk.observation(), desk.seat.budget))


async def _schema(desk: Desk, given: Schema, _: Report) -> dict[str, Any]:
    methods = desk.observation().task.rules.methods
    return desk.answer(answers.describe_schema(given.file, methods, given.method or None))


async def _raw_data(desk: Desk, given: OfFile, _: Report) -> dict[str, Any]:
    return desk.answer(answers.describe_raw_data(desk.observation(), given.path or None))


async def _read_raw(desk: Desk, given: Rows, _: Report) -> dict[str, Any]:
    seen, raw = desk.observation(), _room(desk).raw
    return desk.answer(
        await anyio.to_thread.run_sync(answers.read_rows, seen, raw, given.path, given.start, given.rows)
    )


async def _status(desk: Desk, _: Arguments, __: Report) -> dict[str, Any]:
    seat = desk.seat
    if seat.failure is not None:
        raise seat.failure
    found: dict[str, Any] = {} if desk.state in ("your_turn", "ended") else {"stage": desk.stage}
    if seat.observation:
        found |= answers.describe_history(seat.observation)
    if seat.result:
        found["result"] = answers.describe_result(seat.result)
    return desk.answer(found)


async def _feedback(desk: Desk, given: OfIteration, _: Report) -> dict[str, Any]:
    return desk.answer(answers.describe_feedback(desk.observation(), given.iteration, given.level))


async def _precheck(desk: Desk, given: Submitting, report: Report) -> dict[str, Any]:
    desk.seat.precheck(answers.check_files(given.files))
    desk.watched.latest = "the gates begin"
    desk.asked = time.monotonic()
    return await desk.answer_news(given.wait_s, report)


async def _submit(desk: Desk, given: Submitting, report: Report) -> dict[str, Any]:
    desk.seat.submit(answers.check_files(given.files))
    desk.watched.latest = "the gates begin"
    desk.asked = time.monotonic()
    return await desk.answer_news(given.wait_s, report)


async def _wait(desk: Desk, given: Waiting, report: Report) -> dict[str, Any]:
    return await desk.answer_news(given.wait_s, report)


async def _cancel(desk: Desk, given: Waiting, report: Report) -> dict[str, Any]:
    desk.seat.cancel()
    desk.asked = time.monotonic()
    return await desk.answer_news(given.wait_s, report)


async def _finish(desk: Desk, given: Waiting, report: Report) -> dict[str, Any]:
    desk.seat.finish()
    desk.asked = time.monotonic()
    return await desk.answer_news(given.wait_s, report)


TOOLS = (
    Tool(
        "dojo_wait",
        "Wait for the last request",
        "Begin here. Returns the answer to your last request when it is ready; at first, the base model's score. "
        "While it is not ready, the state is 'running': call dojo_wait again. Time runs while you think.",
        Waiting,
        _wait,
    ),
    Tool(
        "dojo_task",
        "Read the task",
        "The objective, metric, budget, base model and rules: fine-tune the model, in iterations, to score best. "
        "Also the form of a submission.",
        NoArguments,
        _task,
    ),
    Tool("dojo_schema", "Read a file's schema", "The JSON schema of a file of a submission.", Schema, _schema),
    Tool("dojo_raw_data", "Profile the raw data", "Files, fields, types, lengths, labels.", OfFile, _raw_data),
    Tool("dojo_read_raw", "Read raw rows", "Some rows of a raw file; long rows are cut.", Rows, _read_raw),
    Tool(
        "dojo_precheck",
        "Check a submission",
        "The findings of the first gates on a submission; nothing is trained. The number of such checks is limited.",
        Submitting,
        _precheck,
        reads_only=False,
    ),
    Tool(
        "dojo_submit",
        "Train a submission",
        "Gates, training, evaluation on validation, and whether the model is accepted as the new best. Takes minutes.",
        Submitting,
        _submit,
        reads_only=False,
    ),
    Tool(
        "dojo_feedback",
        "Read an iteration's feedback",
        "Execution, data, training with loss curves, evaluation with samples of errors. One level shows more of it.",
        OfIteration,
        _feedback,
    ),
    Tool(
        "dojo_status", "Read the state", "Remaining budget, iterations, the best one, the result.", NoArguments, _status
    ),
    Tool(
        "dojo_cancel",
        "Cancel the running request",
        "Stops the submission or check that is running. Its time is charged.",
        Waiting,
        _cancel,
        reads_only=False,
    ),
    Tool(
        "dojo_finish",
        "Finish the episode",
        "No more submissions: the best model is scored on the sealed test, once. Call it when nothing more is worth "
        "its time, and before the budget is used up.",
        Waiting,
        _finish,
        reads_only=False,
    ),
)
