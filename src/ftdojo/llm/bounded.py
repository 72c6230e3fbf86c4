"""Bounds on an answer from outside: limit its size, check its token counts, and remove keys that it repeats.

A server may be untrusted. It may send without end, redirect a prompt elsewhere, repeat the key that it received, or
report fewer tokens than it wrote.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator
from urllib.parse import quote, urlsplit

import httpx2

from ftdojo.contract.call import Usage
from ftdojo.errors import UsageError

MAX_ANSWER_BYTES = 32 * 2**20
"""A longer answer is cut off. The largest answers of models, as JSON with log-probabilities, are far smaller."""
CHARS_PER_TOKEN = 4
"""Estimates tokens where a server does not count them."""
MOST_CHARS_PER_TOKEN = 16
"""If a text has more characters per reported token than this, the reported count is taken as false."""


_HOLDS_KEY = re.compile(r"(^|_|API)(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS|PAT)(_ID)?$", re.IGNORECASE)
"""Names of variables whose value must not be recorded; providers name them in many ways."""


class TooLongError(httpx2.HTTPError):
    """An answer is larger than ``MAX_ANSWER_BYTES``."""


class RedirectedError(httpx2.HTTPError):
    """A server redirects the prompt to an address that the user did not give."""


class BoundedTransport(httpx2.AsyncHTTPTransport):
    """Reads at most ``MAX_ANSWER_BYTES`` of an answer, and follows no redirect."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request; reading its answer beyond the limit raises :class:`TooLongError`.

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
    """Check the address of a server, which is recorded and shown; return it.

    Raises:
        UsageError: if it is not an address, or contains a password or a query.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"'{hide_secrets(url)}' is not an address", fix="e.g. http://127.0.0.1:8000/v1")
    if "@" in parts.netloc or parts.query or parts.fragment:
        plain = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
        raise UsageError(
            f"the address of {parts.hostname} contains a user, a query or a fragment, which would be recorded",
            fix=f"write {plain} and set OPENAI_API_KEY",
        )
    return url


def estimate_usage(reported: Usage, *, prompt_chars: int, reply_chars: int) -> Usage:
    """The usage that a call is charged: the server's counts, or an estimate where these are impossibly low."""

    def larger(counted: int, chars: int) -> int:
        return counted if counted * MOST_CHARS_PER_TOKEN >= chars else max(counted, chars // CHARS_PER_TOKEN)

    inputs, outputs = larger(reported.input_tokens, prompt_chars), larger(reported.output_tokens, reply_chars)
    estimated = reported.estimated or (inputs, outputs) != (reported.input_tokens, reported.output_tokens)
    return reported.model_copy(update={"input_tokens": inputs, "output_tokens": outputs, "estimated": estimated})


def hide_secrets(text: str, *, shortest: int = 4) -> str:
    """Remove the values of all environment variables that hold a key from ``text``, also as JSON or an address write
    them. Values with fewer than ``shortest`` characters stay."""
    for value in _secrets(shortest):
        for form in {value, json.dumps(value)[1:-1], quote(value, safe="")}:
            text = text.replace(form, "***")
    return text


def _secrets(shortest: int) -> list[str]:
    """The keys in the environment, the longest first: one may be a part of another."""
    found = {value for name, value in os.environ.items() if _HOLDS_KEY.search(name) and len(value) >= shortest}
    return sorted(found, key=len, reverse=True)
