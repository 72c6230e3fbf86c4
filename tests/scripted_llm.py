"""A scripted OpenAI-compatible server: a real HTTP server that plays a model, well or badly."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Step:
    """What the server does with one request."""

    content: str = ""
    input_tokens: int = 100
    output_tokens: int = 10
    counted: bool = True
    """Whether the reply says what it used."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut: bool = False
    """Close the connection in the middle of the reply."""
    drip_s: float = 0.0
    """Seconds between single bytes of the reply."""
    raw: str = ""
    """The body of the reply as it is, in place of a completion."""
    endless: bool = False
    """Go on sending after the reply, until the client has enough."""


Script = Callable[[int, dict[str, Any]], Step]
"""From a request's number (from 0) and body to what is done with it."""


@dataclass
class ScriptedLlm:
    """A running server, and what it was asked."""

    url: str
    requests: list[dict[str, Any]]
    keys: set[str] = field(default_factory=set)
    """What requests had as authorization."""
    at_work: int = 0
    busiest: int = 0
    """The most requests that were at work at one time."""


def in_order(*steps: Step) -> Script:
    """One step after the other; the last one for ever."""
    return lambda number, _: steps[min(number, len(steps) - 1)]


@contextlib.contextmanager
def scripted(script: Script) -> Iterator[ScriptedLlm]:
    """Serve on loopback until the block is left."""
    asked: list[dict[str, Any]] = []
    llm = ScriptedLlm("", asked)
    turn = threading.Lock()
    gone = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with turn:
                asked.append(body)
                llm.keys.add(self.headers.get("authorization", ""))
                llm.at_work += 1
                llm.busiest = max(llm.busiest, llm.at_work)
                step = script(len(asked) - 1, body)
            gone.wait(step.delay_s)
            with turn:
                llm.at_work -= 1
            reply = _completion(step) if step.status == 200 else {"error": {"message": step.content}}
            content = step.raw.encode() or json.dumps(reply).encode()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(step.status)
                for name, value in {"content-type": "application/json", **step.headers}.items():
                    self.send_header(name, value)
                if not step.endless:
                    self.send_header("content-length", str(len(content)))
                self.end_headers()
                self._write(content[: len(content) // 2] if step.cut else content, step)
            self.close_connection = True

        def _write(self, content: bytes, step: Step) -> None:
            if step.drip_s:
                for byte in content:
                    self.wfile.write(bytes([byte]))
                    if gone.wait(step.drip_s):
                        return
            else:
                self.wfile.write(content)
            while step.endless and not gone.is_set():
                self.wfile.write(b" " * 2**16)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        llm.url = f"http://127.0.0.1:{server.server_port}/v1"
        yield llm
    finally:
        gone.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _completion(step: Step) -> dict[str, Any]:
    used = {
        "prompt_tokens": step.input_tokens,
        "completion_tokens": step.output_tokens,
        "total_tokens": step.input_tokens + step.output_tokens,
    }
    message = {"role": "assistant", "content": step.content}
    return {
        "id": "scripted",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": "scripted",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": used if step.counted else None,
    }
