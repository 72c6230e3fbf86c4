"""One call of a tool over HTTP, for agents that have a shell and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client
from mcp.shared.exceptions import MCPError

from ftdojo.contract.script import MAX_SCRIPT_BYTES
from ftdojo.contract.submission import FILES
from ftdojo.errors import InfrastructureError, UsageError
from ftdojo.schema import read_regular


def call(url: str, tool: str | None, arguments: Mapping[str, Any]) -> tuple[str, bool]:
    """Return the text of a tool's answer, and whether it is an error; without a tool, the list of tools.

    Raises:
        InfrastructureError: if nothing answers at the address.
    """
    try:
        return asyncio.run(_call(url, tool, arguments))
    except* (OSError, httpx2.HTTPError, MCPError) as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise InfrastructureError(
            f"no episode is served at this address ({error or type(error).__name__})",
            fix="use the whole address that `ftdojo mcp TASK --http 0` prints, while that command runs",
        ) from None


async def _call(url: str, tool: str | None, arguments: Mapping[str, Any]) -> tuple[str, bool]:
    async with Client(url) as client:
        if tool is None:
            tools = (await client.list_tools()).tools
            return "\n".join(f"{t.name}: {t.description}\n  {json.dumps(t.input_schema)}" for t in tools), False
        done = await client.call_tool(tool, dict(arguments))
        return "".join(getattr(part, "text", "") for part in done.content), bool(done.is_error)


def read_submission(folder: Path) -> dict[str, str]:
    """Return the text of each file of a submission that is in a folder; other files are left out.

    Raises:
        UsageError: if there is none.
    """
    paths = {name: folder / name for name in FILES if (folder / name).is_file()}
    found = {name: read_regular(path, MAX_SCRIPT_BYTES + 1).decode("utf-8", "replace") for name, path in paths.items()}
    if not found:
        raise UsageError(f"{folder} holds no file of a submission", fix=f"write {', '.join(FILES[:3])} into it")
    return found
