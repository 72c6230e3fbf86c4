"""Play an episode over the Model Context Protocol: the smallest outside agent. It hands in folders that are given.

    python examples/mcp_client.py TASK SUBMISSION [SUBMISSION ...] [--options "--budget 10m --max-iterations 3"]

    ftdojo mcp TASK --start "python /full/path/mcp_client.py --started SUBMISSION [SUBMISSION ...]"

A submission is a folder with plan.yaml, train.yaml, and recipe.yaml or process_data.py. ``--options`` go to
``ftdojo mcp``, which is started as a child and talked to on its standard input and output. With ``--started`` it is the
other way round: ftdojo has started this program, and the address of the episode is in the environment. The result, test
scores and all, is printed as JSON; what the server is doing goes to standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    """What a tool answers, asked again as long as it is at work."""
    while True:
        done = await client.call_tool(tool, arguments)
        if done.is_error:
            text = "".join(getattr(part, "text", "") for part in done.content)
            raise SystemExit(f"{tool}: {text}")
        answer = done.structured_content
        if answer["state"] != "running":
            return answer
        print(answer["stage"], file=sys.stderr)
        tool, arguments = "dojo_wait", {"wait_s": 60}


def child(task: str, options: list[str]) -> StdioServerParameters:
    """A server that is started as a child of this program."""
    return StdioServerParameters(
        command=sys.executable, args=["-m", "ftdojo", "mcp", task, *options], env=dict(os.environ)
    )


async def play(server: StdioServerParameters | str, submissions: list[Path]) -> dict[str, Any]:
    """Hand in the submissions that pass the gates, one after the other, and finish."""
    async with Client(server) as client:
        await call(client, "dojo_wait")
        for folder in submissions:
            files = {path.name: path.read_text("utf-8") for path in folder.iterdir()}
            checked = await call(client, "dojo_precheck", files=files)
            if errors := [f["message"] for f in checked["findings"] if f["severity"] == "error"]:
                print(f"{folder} is not handed in: {errors}", file=sys.stderr)
                continue
            answer = await call(client, "dojo_submit", files=files)
            if answer["state"] == "ended":
                return dict(answer["result"])
            print(f"{folder}: {answer['verdict']}", file=sys.stderr)
        return dict((await call(client, "dojo_finish"))["result"])


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arguments", nargs="+", metavar="[TASK] SUBMISSION")
    parser.add_argument("--options", default="", help="of `ftdojo mcp`")
    parser.add_argument("--started", action="store_true", help="ftdojo has started this program; there is no TASK")
    given = parser.parse_args()
    if given.started:
        server, folders = os.environ["FTDOJO_MCP_URL"], given.arguments
    else:
        server, folders = child(given.arguments[0], shlex.split(given.options)), given.arguments[1:]
    result = asyncio.run(play(server, [Path(folder) for folder in folders]))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
