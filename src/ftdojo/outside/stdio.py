"""The SDK's server on a wire."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, cast

from anyio import AsyncFile
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from ftdojo.handshake import Wire


class _Lines:
    """The lines of a wire, as the SDK reads them."""

    def __init__(self, wire: Wire) -> None:
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        wire.connect(self._put)

    def _put(self, line: str | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody reads any more
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)

    async def __aiter__(self) -> AsyncIterator[str]:
        while (line := await self._lines.get()) is not None:
            yield line


class _Output:
    """A wire, as the SDK writes to it. Answers are small, so that writing waits for nobody for long."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def write(self, text: str) -> None:
        self._wire.write(text)

    async def flush(self) -> None:
        """Do nothing: nothing is kept back."""


async def serve(server: Server[Any], wire: Wire) -> None:
    """Serve until the client has closed the wire.

    Raises:
        OSError: in a group, if it has died during a call.
    """
    async with stdio_server(cast("AsyncFile[str]", _Lines(wire)), cast("AsyncFile[str]", _Output(wire))) as (
        reader,
        writer,
    ):
        await server.run(reader, writer, server.create_initialization_options())
