"""The Model Context Protocol server: tools that read the observation and control the seat.

Submissions are sent as text, so an outside agent needs no folder that the environment would have to distrust, and may
be on another machine. A slow call answers after at most ``wait_s`` seconds, with the result or with the current stage:
clients have time-outs of their own for a call.
"""

from __future__ import annotations

import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

from ftdojo.contract.methods import find_config
from ftdojo.contract.protocol import Iteration, Observation
from ftdojo.contract.recipe import Recipe
from ftdojo.contract.result import RunResult, TrivialAnswers
from ftdojo.contract.row import SURROGATE
from ftdojo.contract.submission import MAX_SCRIPT_BYTES, PLAN, RECIPE, SCRIPT, TRAIN, Plan
from ftdojo.errors import FtdojoError, UsageError
from ftdojo.outside.seat import Seat, Watched
from ftdojo.plain import plural
from ftdojo.tasks import raw_files

FILES = (PLAN, TRAIN, RECIPE, SCRIPT)
HOST = "127.0.0.1"
POLL_S, REPORT_S = 0.1, 2.0
WAIT_S = 30.0
LINGER_S = 5.0
MAX_WAIT_S = 600.0
ROWS, ROW_CHARS = 50, 2000
"""The most raw rows per call, and the most characters per row."""

INSTRUCTIONS = """\
You fine-tune a small language model on a task, in iterations, within a budget. Begin with wait, task and raw_data.
Then repeat: precheck a submission until the gates find no error, submit it, wait for its feedback, plan the next one
from it. A model is accepted if it is better on validation than the best so far, by a 95 % interval. Call finish when
no further submission is worth its time: the best model is then scored on a sealed test, once, and the episode ends.
Time runs while you think."""

SUBMISSION = f"""\
A submission is a few files, given as an object of name -> text:
- {PLAN} and {TRAIN}, YAML by the schemas below;
- {RECIPE}, YAML by its schema, or {SCRIPT}, a program run in a sandbox without network as
  `python {SCRIPT} --input DIR --output FILE --limit N`: it reads the raw files below DIR and writes to FILE at most N
  lines of JSON {{"prompt": …, "completion": …, "subtask": …}}. A completion is exactly what the model is to answer."""

FilesArgument = Annotated[dict[str, str], Field(description=f"name -> text: {PLAN}, {TRAIN}, and {RECIPE} or {SCRIPT}")]
WaitArgument = Annotated[float, Field(ge=0, le=MAX_WAIT_S, description="seconds after which the call always answers")]


def build(seat: Seat, watched: Watched, raw: Path) -> MCPServer[Any]:
    """Build the server.

    Args:
        seat: the contestant that it controls.
        watched: the progress of the episode.
        raw: the folder of the raw data.
    """
    server: MCPServer[Any] = MCPServer("ftdojo", instructions=INSTRUCTIONS, log_level="ERROR")

    async def ask_and_wait(ask: Callable[[], None], wait_s: float, context: Context[Any, Any]) -> str:
        """Ask, then wait for the result or until the time is up, reporting progress."""
        _answer(ask)
        begun = reported = time.monotonic()
        while not seat.news.done() and time.monotonic() - begun < wait_s:
            await anyio.sleep(POLL_S)
            if time.monotonic() - reported > REPORT_S:
                reported = time.monotonic()
                await context.report_progress(reported - begun, wait_s, watched.latest)
        return _answer(lambda: _news(seat, watched))

    @server.tool(structured_output=False)
    def task() -> str:
        """The task, the base model, the rules, and the form of a submission with its schemas."""
        return _answer(lambda: _describe_task(_require_observation(seat)))

    @server.tool(structured_output=False)
    def raw_data() -> str:
        """The profile of the raw data: files, fields, types, lengths, labels, sample rows."""
        return _answer(lambda: _require_observation(seat).raw_data)

    @server.tool(structured_output=False)
    def read_raw(
        path: Annotated[str, Field(description="a file of raw_data")],
        start: Annotated[int, Field(ge=0, description="the first row, from 0")] = 0,
        rows: Annotated[int, Field(ge=1, le=ROWS)] = 5,
    ) -> str:
        """Some rows of a raw file; long rows are cut."""
        return _answer(lambda: _rows(_require_observation(seat), raw, path, start, rows))

    @server.tool(structured_output=False)
    def status() -> str:
        """State of the episode: remaining budget, one line per iteration, the best one, the result."""
        return _answer(lambda: _status(seat, watched))

    @server.tool(structured_output=False)
    def feedback(iteration: Annotated[int, Field(ge=0, description="its number; 0 is the base model")]) -> str:
        """The whole feedback on an iteration: execution, data, training, evaluation with samples of errors."""
        return _answer(lambda: _feedback(_require_observation(seat), iteration))

    @server.tool(structured_output=False)
    async def precheck(files: FilesArgument, context: Context[Any, Any], wait_s: WaitArgument = WAIT_S) -> str:
        """The findings of gates 0 to 3 on a submission. It costs only time, and one of the free checks."""
        return await ask_and_wait(lambda: seat.precheck(_check_files(files)), wait_s, context)

    @server.tool(structured_output=False)
    async def submit(files: FilesArgument, context: Context[Any, Any], wait_s: WaitArgument = WAIT_S) -> str:
        """Submit files: gates, training, evaluation on validation, the verdict. Takes minutes."""
        return await ask_and_wait(lambda: seat.submit(_check_files(files)), wait_s, context)

    @server.tool(structured_output=False)
    async def wait(context: Context[Any, Any], wait_s: WaitArgument = WAIT_S) -> str:
        """The answer to your last request, when it is ready; at first, the base model's evaluation."""
        return await ask_and_wait(lambda: None, wait_s, context)

    @server.tool(structured_output=False)
    async def finish(context: Context[Any, Any], wait_s: WaitArgument = WAIT_S) -> str:
        """End the episode: no more submissions; the best model is scored on the sealed test."""
        return await ask_and_wait(seat.finish, wait_s, context)

    return server


class Service:
    """A server that runs in its own thread."""

    def __init__(self, server: MCPServer[Any], seat: Seat, port: int | None) -> None:
        """Serve on standard input and output, or over HTTP on loopback if there is a port (0 for any free one).

        An agent that closes standard input has left. Over HTTP this cannot be detected.
        """
        self._server, self._seat = server, seat
        self._http: Any = None
        self.url = ""
        """Its address over HTTP. The path is a secret that other users of the machine cannot guess."""
        if port is not None:
            import uvicorn

            listening = socket.create_server((HOST, port))
            path = f"/{secrets.token_urlsafe(16)}/mcp"
            self.url = f"http://{HOST}:{listening.getsockname()[1]}{path}"
            app = server.streamable_http_app(streamable_http_path=path, host=HOST)
            self._http = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=int(LINGER_S)))
            self._listening = listening
        self._thread = threading.Thread(target=self._serve, name="mcp", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        if self._http is not None:
            self._http.run(sockets=[self._listening])
        else:
            anyio.run(self._server.run_stdio_async)
            self._seat.leave()

    def end(self) -> None:
        """Let the agent read its last answer: until it closes standard input, or for :data:`LINGER_S` over HTTP."""
        if self._http is not None:
            time.sleep(LINGER_S)
            self._http.should_exit = True
        self._thread.join()


def _answer(make: Callable[[], Any]) -> str:
    """Return the result of ``make`` as JSON; an expected error becomes a :class:`ToolError`."""
    try:
        value = make()
    except FtdojoError as error:
        raise ToolError(str(error)) from None
    document = value.model_dump(mode="json", exclude_none=True) if isinstance(value, BaseModel) else value
    return _to_text(document)


def _to_text(value: Any) -> str:
    """Return JSON that any client can read: half a character (a lone surrogate) of raw data is escaped."""
    return json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace").decode()


def _require_observation(seat: Seat) -> Observation:
    if seat.observation is None:
        raise UsageError("the base model is still being measured", fix="call wait first")
    return seat.observation


def _check_files(files: dict[str, str]) -> dict[str, str]:
    """Check the names and sizes of files, and return them.

    Raises:
        UsageError: for an unknown name, or a text that is too long or was cut within a character.
    """
    if foreign := sorted(files.keys() - set(FILES)):
        raise UsageError(f"{_shorten(foreign[0])} is not a file of a submission", fix=f"name only {', '.join(FILES)}")
    for name, text in files.items():
        if SURROGATE.search(text):
            raise UsageError(f"{name} holds half a character (a lone surrogate)", fix="write the whole character")
        if len(text.encode()) > MAX_SCRIPT_BYTES:
            raise UsageError(f"{name} is larger than {MAX_SCRIPT_BYTES // 1024} KiB", fix="keep data out of it")
    return files


def _describe_task(seen: Observation) -> dict[str, Any]:
    return {
        "task": asdict(seen.task),
        "model": asdict(seen.model),
        "train_rows_per_s": seen.train_rows_per_s,
        "evaluate_s": seen.evaluate_s,
        "baseline": str(seen.baseline.score),
        "without_training": _describe_trivial(seen.trivial) if seen.trivial else None,
        "warm_start": seen.warm_start,
        "data_llm": seen.data_llm,
        "item_fields": seen.item_fields,
        "submission": SUBMISSION,
        "schemas": _schemas(seen.task.rules.methods),
    }


def _schemas(methods: Sequence[str]) -> dict[str, Any]:
    """The JSON schema of each file of a submission; of ``train.yaml`` one for each model that reads it."""
    readers: dict[type[BaseModel], list[str]] = {}
    for method in methods:
        readers.setdefault(find_config(method), []).append(method)
    train = {TRAIN if len(readers) == 1 else f"{TRAIN}, method {' or '.join(readers[m])}": m for m in readers}
    models: dict[str, type[BaseModel]] = {PLAN: Plan, **train, RECIPE: Recipe}
    return {name: model.model_json_schema() for name, model in models.items()}


def _rows(seen: Observation, raw: Path, path: str, start: int, rows: int) -> dict[str, Any]:
    """Read rows of a file that the profile names: no other path is opened.

    Raises:
        UsageError: for another path, or a start behind the last row.
    """
    known = {file.path: file.rows + file.malformed_rows for file in seen.raw_data.files}
    if path not in known:
        raise UsageError(f"{_shorten(path)} is not a raw file", fix=f"choose one of: {', '.join(known)}")
    if start >= max(1, known[path]):
        raise UsageError(f"{path} has {plural(known[path], 'row')}, counted from 0", fix="name a smaller start")
    texts = [_to_text(row) for row in islice(raw_files.read(raw / path), start, start + rows)]
    return {"path": path, "start": start, "rows": [t if len(t) <= ROW_CHARS else t[:ROW_CHARS] + " …" for t in texts]}


def _status(seat: Seat, watched: Watched) -> dict[str, Any]:
    seen = seat.observation
    return {
        "under_way": watched.latest if not seat.news.done() else None,
        "remaining": seen.remaining if seen else None,
        "baseline": str(seen.baseline.score) if seen else None,
        "iterations": {i.number: i.verdict for i in seen.history} if seen else {},
        "best": seen.best if seen else None,
        "result": _describe_result(seat.result) if seat.result else None,
    }


def _describe_trivial(trivial: TrivialAnswers) -> dict[str, str]:
    """What answers without any training score on validation."""
    scores = {name: str(score) for name, score in trivial.scores.items()}
    return {**scores, "constant_output": trivial.constant_output, "examples of few_shot": str(trivial.shots)}


def _describe_result(result: RunResult) -> dict[str, Any]:
    """The result without the constants that were chosen by gold answers: an agent may play the task again."""
    return result.model_dump(
        mode="json", exclude_none=True, exclude={"trivial": {"constant_output", "majority_outputs"}}
    )


def _feedback(seen: Observation, number: int) -> BaseModel:
    if number == 0:
        return seen.baseline
    for iteration in seen.history:
        if iteration.number == number:
            return iteration
    raise UsageError(f"there is no iteration {number}", fix=f"there are {len(seen.history)}")


def _news(seat: Seat, watched: Watched) -> dict[str, Any]:
    """The result if it is ready, else the current stage."""
    if not seat.news.done():
        return {"state": "running", "stage": watched.latest, "next": "call wait"}
    news = seat.news.result()
    if isinstance(news, RunResult):
        return {"state": "ended", "result": _describe_result(news)}
    if isinstance(news, list):
        return {"state": "checked", "findings": [finding.model_dump(mode="json") for finding in news]}
    if isinstance(news, Iteration):
        whole = news.model_dump(mode="json", exclude_none=True, exclude={"digests", "contents", "plan"})
        return {
            "state": "iteration",
            "verdict": news.verdict,
            "remaining": _require_observation(seat).remaining,
            **whole,
        }
    return {"state": "baseline", **news.model_dump(mode="json", exclude_none=True)}


def _shorten(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:80] + "…")
