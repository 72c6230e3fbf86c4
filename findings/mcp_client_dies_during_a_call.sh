#!/usr/bin/env bash
# Guess: when the client of an MCP server on standard input and output dies, run_stdio_async returns, as the input has
# ended; so what stands after it (release a lock, end a job) runs.
# What happens: it returns if the client dies between two calls. If it dies during a call that reports progress, the
# report meets a closed pipe, and run_stdio_async raises an ExceptionGroup with BrokenPipeError: what stands after it is
# skipped. A server in a thread then goes on with its work for a client that is gone. Use `finally`.
# Seen with mcp 2.3.0, anyio 4.16.0. Source: mcp/server/stdio.py, stdout_writer catches ClosedResourceError only.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet mcp==2.3.0 anyio==4.16.0
cat > "$work/server.py" <<'PY'
import sys

import anyio
from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("x")


@server.tool()
async def work(context: Context) -> str:
    for step in range(600):
        await anyio.sleep(0.1)
        await context.report_progress(step, 600, "working")
    return "done"


anyio.run(server.run_stdio_async)
print("this stands after it", file=sys.stderr)
PY
cat > "$work/client.py" <<'PY'
import json
import subprocess
import sys
import time

server = subprocess.Popen(
    [sys.executable, sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
)


def send(**message):
    server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    server.stdin.flush()


client = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
send(id=1, method="initialize", params=client)
server.stdout.readline()
send(method="notifications/initialized")
if sys.argv[2] == "during":
    send(id=2, method="tools/call", params={"name": "work", "arguments": {}, "_meta": {"progressToken": 1}})
    server.stdout.readline()  # the first report of progress
else:
    time.sleep(1)
server.stdout.close()  # what the kernel does for a client that was killed
server.stdin.close()
print(server.wait(60), server.stderr.read().strip().splitlines()[-1:])
PY
for moment in between during; do
    "$work/venv/bin/python" "$work/client.py" "$work/server.py" $moment | tee "$work/$moment"
done
grep -q "this stands after it" "$work/between"
if grep -q "this stands after it" "$work/during"; then
    echo "changed: the server also serves to the end when its client dies during a call" >&2
    exit 1
fi
