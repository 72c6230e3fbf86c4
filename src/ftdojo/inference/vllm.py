"""A vLLM server for the model in one folder, as a context manager. For machines with a GPU."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ftdojo import child
from ftdojo.contract.task_spec import Message
from ftdojo.errors import InfrastructureError, PrerequisiteError
from ftdojo.inference.protocol import Engine, EnginePlugin, Generation
from ftdojo.inference.served import ServedEngine
from ftdojo.models import Chat, answer
from ftdojo.models.form import Form

ENGINE = "vllm-greedy-1"
"""Part of the identity of stored outputs."""
NAME = "model"
ROLES = {"tool": "user"}
"""Role of a training row -> the role under which it is sent. Only the rows of a trial have others than the three."""
CONCURRENCY = 256
START_S = 900.0
"""Loading and compiling a large model takes minutes."""
STOP_S = 30.0
POLL_S = 0.5
SHOWN_CHARS = 1500
"""Last characters of the server's log that an error message shows."""


@contextmanager
def serving(model: Path) -> Iterator[Engine]:
    """Start ``vllm serve`` on loopback and yield an engine that uses it; the server is stopped when the context ends.

    Raises:
        PrerequisiteError: if vLLM is not installed.
        InfrastructureError: if the server does not start.
    """
    from ftdojo.llm import connect

    if (program := shutil.which("vllm")) is None:
        fix = "pip install vllm, or choose the engine transformers"
        raise PrerequisiteError("the engine vllm is not installed", fix=fix)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        # The server ends when this process ends, for whatever reason.
        command = child.command(program, "serve", str(model), "--served-model-name", NAME)
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port), "--seed", "0"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            if not _healthy(address, process):
                log.seek(0)
                raise InfrastructureError(
                    f"vLLM did not start: {log.read()[-SHOWN_CHARS:].strip()}",
                    fix="see its log above, or choose the engine transformers",
                )
            served = ServedEngine(connect(f"openai:{NAME}", base_url=f"{address}/v1"), concurrency=CONCURRENCY)
            yield _WithForm(served, Chat(model).form)
        finally:
            _end(process)


PLUGIN = EnginePlugin(ENGINE, serving)


class _WithForm:
    """A server whose prompts have the turns that the model's template takes, and whose answers are read like those of
    the engine of transformers."""

    def __init__(self, served: ServedEngine, form: Form) -> None:
        self._served, self._form = served, form

    def generate(
        self,
        prompts: Sequence[Sequence[Message]],
        *,
        max_new_tokens: int,
        done: Mapping[int, Generation] | None = None,
        on_answers: Callable[[dict[int, Generation]], None] | None = None,
    ) -> list[Generation]:
        """See :meth:`ftdojo.inference.Engine.generate`."""
        taken = [
            [{"role": ROLES.get(turn["role"], turn["role"]), "content": turn["content"]} for turn in turns]
            for turns in map(self._form.turns, prompts)
        ]

        def keep(answers: dict[int, Generation]) -> None:
            if on_answers is not None:
                on_answers({i: self._read(given) for i, given in answers.items()})

        made = self._served.generate(taken, max_new_tokens=max_new_tokens, done=done, on_answers=keep)
        return [known if (known := (done or {}).get(i)) else self._read(given) for i, given in enumerate(made)]

    def _read(self, given: Generation) -> Generation:
        if self._form.plain:
            return given
        return replace(given, text=answer.read(given.text, self._form, opened=self._form.opens_thinking))


def _healthy(address: str, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=POLL_S):  # noqa: S310 - our own, on loopback
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(POLL_S)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
