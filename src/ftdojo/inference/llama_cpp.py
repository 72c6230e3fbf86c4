"""Generation from a GGUF file by llama.cpp's own server, in a process of its own on this machine's loopback address."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ftdojo import child
from ftdojo.contract.task_spec import Message
from ftdojo.errors import InfrastructureError, PrerequisiteError
from ftdojo.extras import install_command
from ftdojo.inference import llama_server
from ftdojo.inference.protocol import Engine
from ftdojo.inference.served import ServedEngine
from ftdojo.models import Chat

SLOTS = 4
"""Conversations that the server answers at the same time."""
_SPARE = 32
"""Tokens of a slot besides prompt and answer."""


@contextmanager
def open_gguf(
    file: Path, model: Path, prompts: Sequence[Sequence[Message]], *, max_new_tokens: int
) -> Iterator[Engine]:
    """Serve a GGUF file while the context lasts. The server applies the chat template that is in the file.

    Args:
        file: the GGUF file.
        model: the folder of the same model for transformers.
        prompts: the conversations that it will be asked; the longest one decides how much memory the server takes.
        max_new_tokens: most tokens of an answer.

    Raises:
        PrerequisiteError: if llama.cpp's server is not installed.
        InfrastructureError: if it cannot load the file.
    """
    with serve(file, context=measure_context(model, prompts, max_new_tokens), slots=SLOTS) as address:
        from ftdojo.llm import connect

        yield ServedEngine(connect("openai:gguf", base_url=f"{address}/v1"), concurrency=SLOTS)


def measure_context(model: Path, prompts: Sequence[Sequence[Message]], max_new_tokens: int) -> int:
    """Return the tokens that the longest prompt and its answer take."""
    chat = Chat(model)
    return max(len(chat.prompt(prompt)) for prompt in prompts) + max_new_tokens + _SPARE


@contextmanager
def serve(file: Path, *, context: int, slots: int) -> Iterator[str]:
    """Run llama.cpp's server on a GGUF file, and yield its address, ``http://127.0.0.1:PORT``.

    Args:
        file: the GGUF file.
        context: tokens of each conversation.
        slots: conversations at the same time.

    Raises:
        PrerequisiteError: if the server is not installed.
        InfrastructureError: if it does not start.
    """
    arguments = (str(file), str(context * slots), str(slots), str(os.cpu_count() or 1))
    program = child.module(llama_server.__name__, *arguments)
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log,
        child.running(*program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        assert process.stdout is not None
        assert process.stdin is not None
        address = process.stdout.readline().strip()
        if not address:
            status = process.wait()
            log.seek(0)
            if status == llama_server.MISSING:
                raise PrerequisiteError(
                    "xllamacpp is not installed, which serves GGUF files", fix=install_command("gguf")
                )
            raise InfrastructureError(
                f"llama.cpp's server does not load {file.name}: {log.read().strip()[-400:]}",
                fix="check the file and the free memory",
            )
        try:
            yield address
        finally:
            process.stdin.close()  # the server ends when its input does
