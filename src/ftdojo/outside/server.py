"""The Model Context Protocol server: its tools read the observation and control the seat.

Submissions are sent as text, so an outside agent needs no folder that the environment would have to distrust, and may
be on another machine. A call always answers after at most ``wait_s`` seconds, with the result or with the current
stage: clients have time-outs of their own.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server.lowlevel import Server
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, TextContent
from pydantic import BaseModel, Field, ValidationError

from ftdojo.disk import disk_errors
from ftdojo.errors import FtdojoError, UsageError
from ftdojo.files import make_private, write_file
from ftdojo.handshake import INSTRUCTIONS, NAME, TITLE, Wire
from ftdojo.outside import stdio
from ftdojo.outside.answers import shorten
from ftdojo.outside.layout import to_text
from ftdojo.outside.tools import TOOLS, Desk, Tool
from ftdojo.schema import read_regular

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext

HOST = "127.0.0.1"
LINGER_S, QUIET_S = 600.0, 10.0
"""Over HTTP, how long a result waits for an agent that has not read it; and how long the server stays after the last
call of one that has."""
FAILED_S = 60.0
"""How long an agent on standard input can read why its episode has failed."""
LISTED_S = 2.0
"""How long an agent has to ask for the tools before work begins that makes the answer slow."""
STOP_S = 5
MAX_ADDRESS_BYTES = 1000


def build(desk: Desk) -> Server[Any]:
    """Build the server of one episode. It declares tools alone: no resources, no prompts."""
    tools = {tool.name: tool for tool in TOOLS}

    async def list_tools(_: ServerRequestContext[Any], __: Any) -> ListToolsResult:
        desk.listed.set()
        return ListToolsResult(tools=[tool.definition for tool in TOOLS])

    async def call_tool(context: ServerRequestContext[Any], call: CallToolRequestParams) -> CallToolResult:
        desk.last_call = time.monotonic()
        try:
            document = await _run(tools.get(call.name), call, desk, context)
        except FtdojoError as error:
            return CallToolResult(content=[TextContent(text=str(error))], is_error=True)
        finally:
            desk.last_call = time.monotonic()
        return CallToolResult(content=[TextContent(text=to_text(document))], structured_content=document)

    return Server(
        NAME,
        title=TITLE,
        version=version("ftdojo"),
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def _run(
    tool: Tool | None, call: CallToolRequestParams, desk: Desk, context: ServerRequestContext[Any]
) -> dict[str, Any]:
    if tool is None:
        names = ", ".join(tool.name for tool in TOOLS)
        raise UsageError(f"there is no tool {shorten(call.name)}", fix=f"choose one of: {names}")
    document = await tool.run(desk, tool.parse(call.arguments), context.session.report_progress)
    ignored = tool.name_ignored(call.arguments)
    return {**document, "ignored": ignored} if ignored else document


class Service:
    """A server that runs in its own thread."""

    def __init__(self, desk: Desk, port: int | None, address: Path, wire: Wire | None = None) -> None:
        """Start the server.

        Args:
            desk: the episode that it serves.
            port: for HTTP on loopback, 0 for any free port; standard input and output if ``None``.
            address: a file that remembers the address, so that a resumed run has the same.
            wire: of the client on standard input and output, if it was greeted already.

        Raises:
            UsageError: if the port is taken.
        """
        self._desk, self._server = desk, build(desk)
        self.url: str | None = None
        """The address; its path is a secret of this run."""
        self._http: Any = None
        if port is None:
            self._wire = wire or Wire()
            threading.Thread(target=self._watch, name="left", daemon=True).start()
        else:
            import uvicorn

            self._listening, path = _listen(port, address)
            self.url = f"http://{HOST}:{self._listening.getsockname()[1]}{path}"
            app = self._server.streamable_http_app(streamable_http_path=path, host=HOST)
            self._http = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=STOP_S))
        self._thread = threading.Thread(target=self._serve, name="mcp", daemon=True)
        self._thread.start()
        if port is None:
            desk.listed.wait(LISTED_S)

    def _serve(self) -> None:
        if self._http is not None:
            self._http.run(sockets=[self._listening])
            return
        try:
            anyio.run(stdio.serve, self._server, self._wire)
        except* OSError:
            pass  # the agent is gone: the end of its input says so, too

    def _watch(self) -> None:
        self._wire.ended.wait()
        self._desk.seat.leave()

    def end(self) -> None:
        """Let the agent read its result: until it leaves; over HTTP, also until some seconds after it has read it."""
        if self._http is None:
            self._desk.seat.gone.wait()
            return
        until = time.monotonic() + LINGER_S
        while time.monotonic() < until and not self._desk.seat.gone.wait(0.2):
            if self._desk.result_was_read and time.monotonic() - self._desk.last_call > QUIET_S:
                break
        self._http.should_exit = True
        self._thread.join()

    def end_failed(self) -> None:
        """Let an agent on standard input read why its episode has failed."""
        if self._http is None:
            self._desk.seat.gone.wait(FAILED_S)


class Address(BaseModel):
    """The file that remembers an address."""

    port: int = Field(0, ge=0, le=65535)
    path: str = Field("", pattern=r"^(/[\w-]{16,64}/mcp)?$")

    @classmethod
    def read(cls, file: Path) -> Address:
        """Read the file; whatever cannot be read is no address."""
        try:
            return cls.model_validate_json(read_regular(file, MAX_ADDRESS_BYTES))
        except (OSError, ValidationError):
            return cls()


def _listen(port: int, address: Path) -> tuple[socket.socket, str]:
    """Open the port and choose the secret path: those of last time where they are known and free.

    Raises:
        UsageError: if a port was asked for, and is taken.
    """
    known = Address.read(address)
    path = known.path or f"/{secrets.token_urlsafe(16)}/mcp"
    listening = None
    if not port and known.port:
        with contextlib.suppress(OSError):  # another program may have it now
            listening = socket.create_server((HOST, known.port))
    if listening is None:
        try:
            listening = socket.create_server((HOST, port))
        except OSError as error:
            raise UsageError(f"port {port} cannot be used: {error.strerror}", fix="choose another --http") from None
    with disk_errors(address.parent):
        make_private(address.parent)
        write_file(address, Address(port=listening.getsockname()[1], path=path).model_dump_json() + "\n")
    return listening, path
