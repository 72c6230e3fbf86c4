"""A client of the protocol that a test controls in every detail: what it sends, when it stops reading, how it dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import yaml

from tiny import SUBMISSION

FILES = {name: yaml.safe_dump(content) for name, content in SUBMISSION.items()}
PROGRAM = """
import argparse, json, time
parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name)
given = parser.parse_args()
rows = [json.loads(line) for line in open(given.input + "/train.jsonl")][: int(given.limit)]
if int(given.limit) > 100:
    time.sleep(600)
with open(given.output, "w") as out:
    for row in rows:
        out.write(json.dumps({"prompt": row["request"], "completion": row["verdict"]}) + "\\n")
"""
SLOW = {**{k: v for k, v in FILES.items() if k != "recipe.yaml"}, "process_data.py": PROGRAM}
"""A submission whose data program never ends."""


class Stdio:
    """A server on standard input and output, and the calls to it. The server is killed at the end of the block.

    Its standard error goes to a file, or to a pipe that nobody reads.
    """

    def __init__(self, options: list[str], log: Path, *, to_pipe: bool = False) -> None:
        self.log = log
        with log.open("ab") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ftdojo", "mcp", *options],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE if to_pipe else stream,
                env=dict(os.environ), text=True,
            )  # fmt: skip
        self._number = 0
        self.begun = time.monotonic()

    def send(self, method: str, **params: Any) -> int:
        """Send a request, and return its number."""
        self._number += 1
        self._write({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        return self._number

    def notify(self, method: str, **params: Any) -> None:
        """Send a notification."""
        self._write({"jsonrpc": "2.0", "method": method, "params": params})

    def receive(self, number: int) -> dict[str, Any]:
        """Read until the answer to a request is there."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message: dict[str, Any] = json.loads(line)
            if message.get("id") == number:
                return message
        raise AssertionError(f"the server has ended: {self.log.read_text()}")

    def initialize(self) -> dict[str, Any]:
        """Shake hands."""
        client = {"name": "test", "version": "1"}
        answer = self.receive(self.send("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=client))
        self.notify("notifications/initialized")
        return dict(answer["result"])

    def begin(self, tool: str, **arguments: Any) -> int:
        """Send a call without waiting for it."""
        return self.send("tools/call", name=tool, arguments=arguments)

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool, and return its structured answer."""
        result = self.receive(self.begin(tool, **arguments))["result"]
        assert not result.get("isError"), result["content"][0]["text"]
        return dict(result["structuredContent"])

    def until(self, *states: str, seconds: float = 120.0) -> dict[str, Any]:
        """Wait until the answer to the last request has one of these states."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            answer = self.call("dojo_wait", wait_s=5)
            if answer["state"] in states:
                return answer
        raise AssertionError(f"no {states} within {seconds} s: {answer}")

    def _write(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def vanish(self) -> None:
        """Do what the kernel does for a process that is killed: close its pipes."""
        for pipe in (self.process.stdout, self.process.stdin, self.process.stderr):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.vanish()
