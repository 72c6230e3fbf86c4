"""Play an episode over the Model Context Protocol: the smallest outside agent. It hands in folders that are given.

    python examples/mcp_client.py TASK SUBMISSION [SUBMISSION ...] [--options "--budget 10m --max-iterations 3"]

A submission is a folder with plan.yaml, train.yaml, and recipe.yaml or process_data.py. ``--options`` go to
``ftdojo mcp``, which is started as a child and talked to on its standard input and output. The result, test scores and
all, is printed as JSON; what the server is doing goes to standard error.
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
        text = "".join(getattr(part, "text", "") for part in done.content)
        if done.is_error:
            raise SystemExit(f"{tool}: {text}")
        answer = json.loads(text)
        if not isinstance(answer, dict) or answer.get("state") != "running":
            return answer
        print(answer["stage"], file=sys.stderr)
        tool, arguments = "wait", {"wait_s": 60}


async def play(task: str, submissions: list[Path], options: list[str]) -> dict[str, Any]:
    """Hand in the submissions that pass the gates, one after the other, and finish."""
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "ftdojo", "mcp", task, *options], env=dict(os.environ)
    )
    async with Client(server) as client:
        await call(client, "wait")
        for folder in submissions:
            files = {path.name: path.read_text("utf-8") for path in folder.iterdir()}
            checked = await call(client, "precheck", files=files)
            if errors := [f["message"] for f in checked["findings"] if f["severity"] == "error"]:
                print(f"{folder} is not handed in: {errors}", file=sys.stderr)
                continue
            answer = await call(client, "submit", files=files)
            if answer["state"] == "ended":
                return dict(answer["result"])
            print(f"{folder}: {answer['verdict']}", file=sys.stderr)
        return dict((await call(client, "finish"))["result"])


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("submissions", type=Path, nargs="+", metavar="SUBMISSION")
    parser.add_argument("--options", default="", help="of `ftdojo mcp`")
    arguments = parser.parse_args()
    result = asyncio.run(play(arguments.task, arguments.submissions, shlex.split(arguments.options)))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
