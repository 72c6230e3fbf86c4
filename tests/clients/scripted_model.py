"""A scripted language model on loopback, for real agent programs: it plays one episode of ftdojo without a key.

It serves four interfaces, with and without streaming: OpenAI chat completions, OpenAI responses, Anthropic messages and
Gemini generateContent. What it answers follows from the conversation alone: the results of ftdojo's tools in it say
which step of the script is next. Everything is kept in :attr:`ScriptedModel.requests`.
"""

from __future__ import annotations

import gzip
import json
import re
import shlex
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Json = dict[str, Any]
TOOL = re.compile(r"dojo_[a-z_]+$")
RUNNING = re.compile(r'state\\*"?:\s*\\*"?running|timed out after \d+|still being measured|still in progress')
"""After such an answer the model waits. The state is in YAML, and in JSON with or without blanks, also in a JSON text
that is in another one; on a busy machine a client's own limit for a command may come first."""
MODEL = "scripted"


@dataclass(frozen=True)
class Call:
    """A call that the model makes."""

    tool: str
    arguments: Json = field(default_factory=dict)


Reply = Call | str
"""What the model answers: a call, or a last word."""


@dataclass
class Talk:
    """A conversation as it was received: which tools there are, and what they have answered."""

    tools: dict[str, Json] = field(default_factory=dict)
    """Full name of a tool -> its definition as the client sends it."""
    results: list[tuple[str, str]] = field(default_factory=list)
    """Pairs of a tool's full name and its answer, in order. Of a shell, the command in place of the name."""

    def find(self, name: str) -> str | None:
        """The full name of a tool whose name ends like this; clients put their own words before it."""
        return next((tool for tool in self.tools if tool.endswith(name)), None)


@dataclass
class Script:
    """Which call follows on which results."""

    steps: Sequence[Call]
    shell: Callable[[Call], str] | None = None
    """Turns a call into a command, for a client that has a shell only."""

    def reply(self, talk: Talk) -> Reply:
        """The next step, or a last word if there is none."""
        done = [
            (tool[0], text) for name, text in talk.results if (tool := re.findall(r"dojo_[a-z]+(?:_[a-z]+)?", name))
        ]
        at, pending = 0, False
        for _, text in done:
            pending = RUNNING.search(text) is not None
            at += not pending
        step = Call("dojo_wait", {"wait_s": 20}) if pending else self.steps[at] if at < len(self.steps) else None
        if step is None:
            return "The episode is over."
        if self.shell is not None:
            shell = talk.find("bash")
            return Call(shell, {"command": self.shell(step)}) if shell else "ok"
        if name := talk.find(step.tool):
            needed = talk.tools[name].get("properties", {})
            return Call(name, step.arguments | ({"security_risk": "LOW"} if "security_risk" in needed else {}))
        return self._look_for_tools(talk)

    @staticmethod
    def _look_for_tools(talk: Talk) -> Reply:
        """Clients that load tools late have a tool for that."""
        asked = [name for name, _ in talk.results]
        if "ToolSearch" in talk.tools and asked.count("ToolSearch") < 3:
            return Call("ToolSearch", {"query": "+dojo ftdojo", "max_results": 20})
        if "WaitForMcpServers" in talk.tools and asked.count("WaitForMcpServers") < 3:
            return Call("WaitForMcpServers")
        return "ok"


def _as_text(content: Any) -> str:
    """The text of a message's content, which may be a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(_as_text(part.get("text", part) if isinstance(part, dict) else part) for part in content)
    return json.dumps(content, ensure_ascii=False)


def _count(body: Json) -> int:
    return len(json.dumps(body)) // 4


def _events(*pairs: tuple[str | None, Json]) -> bytes:
    lines = [(f"event: {name}\n" if name else "") + f"data: {json.dumps(data)}\n\n" for name, data in pairs]
    return "".join(lines).encode()


class Chat:
    """OpenAI chat completions."""

    @staticmethod
    def read(body: Json) -> Talk:
        talk = Talk()
        for tool in body.get("tools") or []:
            talk.tools[tool["function"]["name"]] = tool["function"].get("parameters") or {}
        names: dict[str, str] = {}
        for message in body["messages"]:
            for call in message.get("tool_calls") or []:
                function = call["function"]
                names[call["id"]] = function["arguments"] if function["name"] == "bash" else function["name"]
            if message["role"] == "tool":
                talk.results.append((names.get(message["tool_call_id"], ""), _as_text(message["content"])))
        return talk

    @staticmethod
    def write(body: Json, reply: Reply, _: Talk) -> tuple[Json, bytes]:
        base = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": body.get("model", MODEL)}
        usage = {"prompt_tokens": _count(body), "completion_tokens": 20, "total_tokens": _count(body) + 20}
        message: Json = {"role": "assistant", "content": reply if isinstance(reply, str) else None}
        if isinstance(reply, Call):
            function = {"name": reply.tool, "arguments": json.dumps(reply.arguments)}
            message["tool_calls"] = [{"id": f"call_{uuid.uuid4().hex[:12]}", "type": "function", "function": function}]
        reason = "stop" if isinstance(reply, str) else "tool_calls"
        whole = {"choices": [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}]}
        delta = dict(message)
        if "tool_calls" in delta:
            delta["tool_calls"] = [{"index": 0, **delta["tool_calls"][0]}]
        chunk = {**base, "object": "chat.completion.chunk"}
        parts = [
            (None, {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}),
            (None, {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}),
            (None, {**chunk, "choices": [], "usage": usage}),
        ]
        return {**base, "object": "chat.completion", **whole, "usage": usage}, _events(*parts) + b"data: [DONE]\n\n"


class Responses:
    """OpenAI responses."""

    @staticmethod
    def read(body: Json) -> Talk:
        talk = Talk()
        for tool in body.get("tools") or []:
            space = tool.get("name", "") if tool.get("type") == "namespace" else ""
            for one in tool.get("tools") or [tool]:
                name = f"{space}/{one.get('name')}" if space else one.get("name", "")
                talk.tools[name] = one.get("parameters") or {}
        names: dict[str, str] = {}
        for item in body["input"] if isinstance(body.get("input"), list) else []:
            if item.get("type") == "function_call":
                names[item["call_id"]] = item["name"]
            if item.get("type") == "function_call_output":
                talk.results.append((names.get(item["call_id"], ""), _as_text(item["output"])))
        return talk

    @staticmethod
    def write(body: Json, reply: Reply, _: Talk) -> tuple[Json, bytes]:
        item: Json = {"id": f"item_{uuid.uuid4().hex[:12]}", "status": "completed"}
        if isinstance(reply, Call):
            space, name = reply.tool.rpartition("/")[::2]
            item |= {"type": "function_call", "call_id": f"call_{uuid.uuid4().hex[:12]}", "name": name}
            item |= {"arguments": json.dumps(reply.arguments)} | ({"namespace": space} if space else {})
        else:
            text = {"type": "output_text", "text": reply, "annotations": []}
            item |= {"type": "message", "role": "assistant", "content": [text]}
        count = _count(body)
        usage: Json = {"input_tokens": count, "output_tokens": 20, "total_tokens": count + 20}
        usage |= {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
        whole: Json = {
            "id": f"resp_{uuid.uuid4().hex}",
            "object": "response",
            "created_at": int(time.time()),
            "status": "completed",
            "model": body.get("model", MODEL),
            "output": [item],
            "usage": usage,
            "tools": [],
            "tool_choice": "auto",
            "parallel_tool_calls": False,
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
        }
        begun = {**whole, "status": "in_progress", "output": []}
        events: list[tuple[str, Json]] = [("response.created", {"response": begun})]
        opened: Json = {**item, "status": "in_progress"}
        opened["content" if "content" in item else "arguments"] = [] if "content" in item else ""
        events.append(("response.output_item.added", {"output_index": 0, "item": opened}))
        place = {"item_id": item["id"], "output_index": 0}
        if isinstance(reply, Call):
            text_of = item["arguments"]
            events.append(("response.function_call_arguments.delta", {**place, "delta": text_of}))
            events.append(("response.function_call_arguments.done", {**place, "arguments": text_of}))
        else:
            part = {**place, "content_index": 0}
            events.append(("response.content_part.added", {**part, "part": item["content"][0]}))
            events.append(("response.output_text.delta", {**part, "delta": reply}))
            events.append(("response.output_text.done", {**part, "text": reply}))
            events.append(("response.content_part.done", {**part, "part": item["content"][0]}))
        events.append(("response.output_item.done", {"output_index": 0, "item": item}))
        events.append(("response.completed", {"response": whole}))
        numbered = [(k, {"type": k, "sequence_number": number, **data}) for number, (k, data) in enumerate(events)]
        return whole, _events(*numbered)


class Messages:
    """Anthropic messages."""

    @staticmethod
    def read(body: Json) -> Talk:
        talk = Talk()
        for tool in body.get("tools") or []:
            talk.tools[tool["name"]] = tool.get("input_schema") or {}
        names: dict[str, str] = {}
        for message in body["messages"]:
            for part in message["content"] if isinstance(message["content"], list) else []:
                if part.get("type") == "tool_use":
                    names[part["id"]] = part["name"]
                if part.get("type") == "tool_result":
                    talk.results.append((names.get(part["tool_use_id"], ""), _as_text(part.get("content"))))
        return talk

    @staticmethod
    def write(body: Json, reply: Reply, _: Talk) -> tuple[Json, bytes]:
        block: Json
        if isinstance(reply, Call):
            block = {
                "type": "tool_use",
                "id": f"toolu_{uuid.uuid4().hex[:20]}",
                "name": reply.tool,
                "input": reply.arguments,
            }
            opened, delta = (
                {**block, "input": {}},
                {"type": "input_json_delta", "partial_json": json.dumps(reply.arguments)},
            )
        else:
            block = {"type": "text", "text": reply}
            opened, delta = {**block, "text": ""}, {"type": "text_delta", "text": reply}
        stop = "tool_use" if isinstance(reply, Call) else "end_turn"
        usage = {"input_tokens": _count(body), "output_tokens": 20}
        usage |= {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
        whole = {
            "id": f"msg_{uuid.uuid4().hex[:20]}",
            "type": "message",
            "role": "assistant",
            "model": body.get("model", MODEL),
            "content": [block],
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": usage,
        }
        events: list[tuple[str, Json]] = [
            ("message_start", {"message": {**whole, "content": [], "stop_reason": None}}),
            ("content_block_start", {"index": 0, "content_block": opened}),
            ("content_block_delta", {"index": 0, "delta": delta}),
            ("content_block_stop", {"index": 0}),
            ("message_delta", {"delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"output_tokens": 20}}),
            ("message_stop", {}),
        ]
        return whole, _events(*[(name, {"type": name, **data}) for name, data in events])


class Gemini:
    """Gemini generateContent."""

    @staticmethod
    def read(body: Json) -> Talk:
        talk = Talk()
        for tool in body.get("tools") or []:
            for one in tool.get("functionDeclarations") or []:
                talk.tools[one["name"]] = one.get("parametersJsonSchema") or one.get("parameters") or {}
        for content in body.get("contents") or []:
            for part in content.get("parts") or []:
                if answer := part.get("functionResponse"):
                    talk.results.append((answer["name"], _as_text(answer.get("response"))))
        return talk

    @staticmethod
    def write(body: Json, reply: Reply, _: Talk) -> tuple[Json, bytes]:
        settings = body.get("generationConfig") or {}
        if (
            "application/json" in json.dumps(settings) or "responseJsonSchema" in settings
        ):  # its router asks which model
            reply = json.dumps(
                {"reasoning": "-", "model_choice": "flash", "complexity_reasoning": "-", "complexity_score": 1}
            )
        part: Json = {"text": reply}
        if isinstance(reply, Call):
            call = {"name": reply.tool, "args": reply.arguments, "id": uuid.uuid4().hex[:8]}
            part = {"functionCall": call, "thoughtSignature": "c2lnbmF0dXJl"}
        candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
        count = _count(body)
        usage = {"promptTokenCount": count, "candidatesTokenCount": 20, "totalTokenCount": count + 20}
        whole = {
            "candidates": [candidate],
            "usageMetadata": usage,
            "modelVersion": MODEL,
            "responseId": uuid.uuid4().hex,
        }
        return whole, _events((None, whole)).replace(b"\n", b"\r\n")


Interface = type[Chat] | type[Responses] | type[Messages] | type[Gemini]


def interface_of(path: str) -> Interface | None:
    """The interface that a path belongs to."""
    ends: Mapping[str, Interface] = {"/chat/completions": Chat, "/responses": Responses, "/messages": Messages}
    for end, found in ends.items():
        if path.endswith(end):
            return found
    return Gemini if "enerateContent" in path else None


@dataclass
class Seen:
    """One request, and what was answered."""

    path: str
    talk: Talk
    reply: Reply
    seconds: float


class ScriptedModel:
    """The server. Use as a context manager."""

    def __init__(self, script: Script, port: int = 0) -> None:
        self.requests: list[Seen] = []
        self._script = script
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._begun = time.monotonic()

    def answer(self, path: str, body: Json) -> tuple[str, bytes]:
        """Answer a request; return the type of the content, and the content."""
        plain = path.partition("?")[0]
        found = interface_of(plain)
        if found is None:
            models = {
                "id": MODEL,
                "object": "model",
                "type": "model",
                "display_name": MODEL,
                "created": 1,
                "owned_by": "-",
            }
            listed = {"object": "list", "data": [models], "models": [], "has_more": False}
            return "application/json", json.dumps({**listed, "input_tokens": 1, "totalTokens": 1}).encode()
        talk = found.read(body)
        reply = self._script.reply(talk)
        self.requests.append(Seen(plain, talk, reply, time.monotonic() - self._begun))
        whole, streamed = found.write(body, reply, talk)
        if body.get("stream") or "streamGenerateContent" in plain:
            return "text/event-stream", streamed
        return "application/json", json.dumps(whole).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._send(*model.answer(self.path, {}))

            def do_POST(self) -> None:
                raw = b"".join(self._body())
                if self.headers.get("content-encoding") == "gzip":
                    raw = gzip.decompress(raw)
                self._send(*model.answer(self.path, json.loads(raw or b"{}")))

            def _body(self) -> Iterator[bytes]:
                if self.headers.get("transfer-encoding", "").lower() != "chunked":
                    yield self.rfile.read(int(self.headers.get("content-length") or 0))
                    return
                while size := int(self.rfile.readline().strip() or b"0", 16):
                    yield self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()

            def _send(self, kind: str, content: bytes) -> None:
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Print nothing."""

        return Handler

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def as_command(call: Call) -> str:
    """A call as a command line, for a client that has a shell only."""
    arguments = dict(call.arguments)
    files = arguments.pop("files", {})
    writing = [f"printf %s {shlex.quote(content)} > submission/{name}" for name, content in files.items()]
    command = f"ftdojo call $FTDOJO_MCP_URL {call.tool} --arguments {shlex.quote(json.dumps(arguments))}"
    parts = ["mkdir -p submission", *writing, f"{command} --files submission"] if files else [command]
    return " && ".join(parts)
