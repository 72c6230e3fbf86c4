"""The one way out of the sandbox: an OpenAI-compatible endpoint on a Unix socket, open while a data program runs.

    GET  /v1/models              the pools
    POST /v1/chat/completions    model (a pool), messages, max_tokens, temperature, seed; nothing else
    POST /v1/score               {"items": [...], "outputs": [...]}: the verdicts of the task's scorer

The socket is in a folder that is bound into the sandbox; on the host only ftdojo's own user can access that folder. All
input is hostile: its size is bounded before it is read, and it is checked before it is used. A connection carries one
request, and an idle one does not block others. Keys and provider addresses stay outside the sandbox.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import socketserver
import tempfile
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Literal, Protocol, Self

from pydantic import ConfigDict, Field, ValidationError

from ftdojo.contract.call import MAX_TOKENS, Message
from ftdojo.gateway.pools import Pools, Refused
from ftdojo.llm import Request
from ftdojo.schema import StrictModel

INSIDE = "/llm"
"""Path of the folder with the socket inside the sandbox."""
SOCKET = "socket"
HELPER = Path(__file__).with_name("ftdojo_llm.py")
"""The module that programs import; it is copied next to them."""
MAX_BODY = 2**20
DRAINED = 2**24
"""Bytes read and dropped of a body that is too large: a client reads no answer while it is still writing."""
MAX_CONNECTIONS = 64
IDLE_S = 30.0
"""Seconds without a byte after which a connection is closed."""
TIMEOUT_S = 120.0
"""Seconds for one answer of a model; also the longest wait for calls of a program that has ended."""


class Chat(StrictModel):
    """The body of a request to ``/v1/chat/completions``."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    model: str = Field(max_length=200)
    messages: list[Message] = Field(min_length=1, max_length=64)
    max_tokens: int = Field(1024, ge=1, le=MAX_TOKENS)
    temperature: float | None = Field(None, ge=0, le=2)
    seed: int | None = Field(None, ge=0, lt=2**31)
    stream: Literal[False] = False


class Pairs(StrictModel):
    """The body of a request to ``/v1/score``: outputs, each with an item in the task's evaluation schema."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    items: list[dict[str, Any]] = Field(min_length=1, max_length=64)
    outputs: list[str]


class Score(Protocol):
    """Scores pairs that a program made, valid or not."""

    def __call__(self, items: Sequence[dict[str, Any]], outputs: Sequence[str]) -> list[dict[str, Any]]:
        """Return one verdict per pair: ``score``, ``parsed``, ``error``."""


class Gateway:
    """Serves one run of one program. Use as a context manager; leaving it waits for the calls in flight.

    On leaving, it raises any error of ftdojo that occurred while a request was served: no program may hide that.
    """

    def __init__(self, pools: Pools, score: Score) -> None:
        self._pools, self._score = pools, score
        self._failed: BaseException | None = None

    @property
    def folder(self) -> Path:
        """The host folder with the socket, to be mounted at :data:`INSIDE`."""
        return self._folder

    @property
    def troubles(self) -> dict[str, str]:
        """Kind of refusal -> the first message of that kind."""
        return self._pools.troubles

    def answer(self, method: str, path: str, body: bytes) -> dict[str, Any]:
        """Handle a request and return the document that answers it.

        Raises:
            Refused: if the request cannot be answered.
        """
        if self._failed is not None:
            raise Refused(503, "over", "the run is ending")
        routes: dict[tuple[str, str], Callable[[bytes], dict[str, Any]]] = {
            ("GET", "/v1/models"): self._list,
            ("POST", "/v1/chat/completions"): self._chat,
            ("POST", "/v1/score"): self._judge,
        }
        try:
            route = routes[method, path]
        except KeyError:
            raise Refused(404, "not_found", f"there is no {method} {path[:80]}") from None
        try:
            return route(body)
        except Refused:
            raise
        except Exception as error:  # raised again where the gateway is left
            self._failed = self._failed or error
            raise Refused(500, "internal", "the gateway failed; the run is ending") from error

    def _list(self, _: bytes) -> dict[str, Any]:
        return {
            "object": "list",
            "data": [{"id": n, "object": "model", "owned_by": "ftdojo"} for n in self._pools.names],
        }

    def _chat(self, body: bytes) -> dict[str, Any]:
        chat = _read(Chat, body)
        request = Request(
            messages=chat.messages,
            mode="text",
            schema=None,
            max_tokens=chat.max_tokens,
            timeout_s=TIMEOUT_S,
            temperature=chat.temperature,
            seed=chat.seed,
        )
        call = self._pools.ask(chat.model, request)
        used = call.usage
        message = {"role": "assistant", "content": call.reply}
        finish = "length" if used.output_tokens >= chat.max_tokens else "stop"
        return {
            "id": f"chatcmpl-{call.key[:24]}",
            "object": "chat.completion",
            "created": 0,
            "model": chat.model,
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {
                "prompt_tokens": used.input_tokens,
                "completion_tokens": used.output_tokens,
                "total_tokens": used.input_tokens + used.output_tokens,
            },
        }

    def _judge(self, body: bytes) -> dict[str, Any]:
        pairs = _read(Pairs, body)
        if len(pairs.items) != len(pairs.outputs):
            raise Refused(400, "invalid", f"{len(pairs.items)} items and {len(pairs.outputs)} outputs")
        return {"scores": self._score(pairs.items, pairs.outputs)}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            # Two folders: the inner one is open to the sandbox's user, who can reach it only through its mount.
            outer = stack.enter_context(tempfile.TemporaryDirectory(prefix="ftdojo-gateway-"))
            self._folder = Path(outer, "llm")
            self._folder.mkdir()
            self._folder.chmod(0o755)
            server = _Server(self._folder, self)
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            stack.callback(server.end)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        # Ctrl-C does not wait for answers.
        self._stack.callback(self._pools.close, wait=kind is None or issubclass(kind, Exception))
        self._stack.close()
        if self._failed is not None and kind is None:
            raise self._failed


def _read(model: type[Any], body: bytes) -> Any:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))[:80]
        if first["type"] == "extra_forbidden":
            takes = ", ".join(model.model_fields)
            raise Refused(400, "invalid", f"'{place}' is not supported; the gateway takes {takes}") from None
        raise Refused(400, "invalid", f"{place or 'the body'}: {first['msg'][:200]}") from None


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """One thread per connection, up to a maximum; further connections are closed at once."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, folder: Path, gateway: Gateway) -> None:
        self.gateway = gateway
        self._connections: set[socket.socket] = set()
        self._turn = threading.Lock()
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # Addresses of Unix sockets have at most 108 bytes; paths can be longer.
            super().__init__(f"/proc/self/fd/{descriptor}/{SOCKET}", _Handler)
        finally:
            os.close(descriptor)
        (folder / SOCKET).chmod(0o666)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._turn:
            full = len(self._connections) >= MAX_CONNECTIONS
            if not full:
                self._connections.add(request)
        if full:
            super().shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._turn:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore it: only the connection can fail here, which affects only its client. See :meth:`Gateway.answer`."""

    def end(self) -> None:
        """Accept no more connections and close the open ones."""
        self.shutdown()
        self.server_close()
        with self._turn:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """Handles the one request of a connection."""

    server: _Server
    timeout = IDLE_S
    protocol_version = default_request_version = "HTTP/1.1"
    server_version, sys_version = "ftdojo", ""

    def do_GET(self) -> None:
        """Answer a request of any method."""
        try:
            document = self.server.gateway.answer(self.command, self.path, self._body())
        except Refused as refused:
            self._send(refused.status, _error(refused.kind, refused.message))
        else:
            self._send(200, document)

    do_POST = do_GET  # noqa: N815 - named by the base class

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send an error that the base class found, as the same kind of document."""
        self._send(code, _error("invalid", (message or explain or "bad request")[:200]))

    def _body(self) -> bytes:
        if self.command == "GET":
            return b""
        text = self.headers.get("content-length", "")
        if self.headers.get("transfer-encoding") or not (text.isascii() and text.isdigit() and len(text) < 16):
            raise Refused(411, "invalid", "send the body with a content-length")
        length = int(text)
        if length > MAX_BODY:
            left = min(length, DRAINED)
            while left > 0 and (chunk := self.rfile.read(min(left, 2**16))):
                left -= len(chunk)
            raise Refused(413, "invalid", f"a request has at most {MAX_BODY} bytes")
        return self.rfile.read(length)

    def _send(self, status: int, document: dict[str, Any]) -> None:
        content = json.dumps(document).encode()
        self.close_connection = True
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by the base class
        """Log nothing: relevant events are in the record."""


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "code": kind}}
