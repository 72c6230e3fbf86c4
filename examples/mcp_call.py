"""One tool call over HTTP, for agents that have a shell and nothing else.

    python examples/mcp_call.py URL                                    # what tools there are
    python examples/mcp_call.py URL submit --files submissions/1       # the files of a folder
    python examples/mcp_call.py URL wait --arguments '{"wait_s": 300}'

The address is what ``ftdojo mcp TASK --http 0`` prints.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from mcp import Client


async def call(url: str, tool: str | None, arguments: dict[str, Any]) -> tuple[str, bool]:
    """The text of the answer, and whether it is an error."""
    async with Client(url) as client:
        if tool is None:
            tools = (await client.list_tools()).tools
            return "\n".join(f"{t.name}: {t.description}\n  {json.dumps(t.input_schema)}" for t in tools), False
        done = await client.call_tool(tool, arguments)
        return "".join(getattr(part, "text", "") for part in done.content), bool(done.is_error)


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("tool", nargs="?")
    parser.add_argument("--files", type=Path, metavar="FOLDER", help="send its files as the submission")
    parser.add_argument("--arguments", type=json.loads, default={}, metavar="JSON", help="further arguments")
    given = parser.parse_args()
    files = {"files": {path.name: path.read_text("utf-8") for path in given.files.iterdir()}} if given.files else {}
    text, failed = asyncio.run(call(given.url, given.tool, {**files, **given.arguments}))
    print(text)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
