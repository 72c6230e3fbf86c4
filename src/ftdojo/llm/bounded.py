"""What is believed of an answer from outside: its size, its usage, and that it repeats no key.

A server may be a stranger's. It may send for ever, redirect a prompt elsewhere, repeat the key that it was sent, or
count fewer tokens than it wrote.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx2

from ftdojo.contract.call import Usage
from ftdojo.errors import UsageError

MAX_ANSWER_BYTES = 32 * 2**20
"""A longer answer is cut off: the largest that models write, as JSON with its log-probabilities, is far below."""
CHARS_PER_TOKEN = 4
"""For servers that do not count."""
MOST_CHARS_PER_TOKEN = 16
"""A server that counts fewer tokens than its text has characters, by more than this factor, has not counted."""


class TooLongError(httpx2.HTTPError):
    """An answer has more bytes than are read."""


class RedirectedError(httpx2.HTTPError):
    """A server wants the prompt to be sent to an address that nobody named."""


class BoundedTransport(httpx2.AsyncHTTPTransport):
    """Reads at most ``MAX_ANSWER_BYTES`` of an answer, and follows no redirect."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request; its answer raises :class:`TooLongError` where it goes on beyond the limit.

        Raises:
            RedirectedError: if the server redirects.
        """
        response = await super().handle_async_request(request)
        if response.has_redirect_location:
            await response.aclose()
            raise RedirectedError("the server redirects; name the address that it points to if you trust it")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream)
        return response


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for part in self._stream:
            read += len(part)
            if read > MAX_ANSWER_BYTES:
                raise TooLongError(f"the answer is longer than {MAX_ANSWER_BYTES // 2**20} MiB")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


def require_address(url: str) -> str:
    """The address of a server, which is recorded and shown.

    Raises:
        UsageError: if it is none, or holds a password or a query.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"'{hide_secrets(url)}' is not an address", fix="e.g. http://127.0.0.1:8000/v1")
    if "@" in parts.netloc or parts.query or parts.fragment:
        plain = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
        raise UsageError(
            f"the address of {parts.hostname} holds a user, a query or a fragment, which would be recorded",
            fix=f"write {plain} and set OPENAI_API_KEY",
        )
    return url


def believe(told: Usage, *, prompt_chars: int, reply_chars: int) -> Usage:
    """What a call is charged: what the server counted, or an estimate where it counted too little to be true."""

    def larger(counted: int, chars: int) -> int:
        return counted if counted * MOST_CHARS_PER_TOKEN >= chars else max(counted, chars // CHARS_PER_TOKEN)

    inputs, outputs = larger(told.input_tokens, prompt_chars), larger(told.output_tokens, reply_chars)
    estimated = told.estimated or (inputs, outputs) != (told.input_tokens, told.output_tokens)
    return told.model_copy(update={"input_tokens": inputs, "output_tokens": outputs, "estimated": estimated})


def hide_secrets(text: str) -> str:
    """The text without the value of any variable that holds a key."""
    for name, value in os.environ.items():
        if name.endswith(("_KEY", "_TOKEN", "_SECRET")) and len(value) >= 4:
            text = text.replace(value, "***")
    return text
