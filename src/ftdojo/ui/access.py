"""Which requests are answered: those that have the token of this start. All others get 403 and no text.

- The token is in the address that is printed. The first visit puts it into a cookie that scripts cannot read and that
  other sites cannot use; a request that changes something needs it in a header too, which other sites cannot set.
- A page of another site may have a name that leads to this machine (DNS rebinding). So the ``Host`` must be a name of
  loopback.
- The content policy allows no script and no style inside a page, so that a text of a record stays a text even if
  its escaping failed.
"""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
"""Names of loopback. The port may be another one, because of a tunnel."""
TOKEN_HEADER = "X-Ftdojo-Token"  # noqa: S105 - a name
SAFE = frozenset({"GET", "HEAD"})
"""Methods that change nothing."""
CLOSED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Access:
    """Checks every request before the application gets it."""

    def __init__(self, app: ASGIApp, token: str, cookie: str) -> None:
        """Guard an application.

        Args:
            app: the application.
            token: the secret of this start.
            cookie: the name of its cookie; servers on other ports of this machine have other ones.
        """
        self._app, self._token, self._cookie = app, token, cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        if scope["type"] != "http":  # the server is started without the other kinds
            return
        request = Request(scope)
        # Only the first page takes the token in its address, where it would stay in the history of the browser.
        visit = (request.method, scope["path"]) == ("GET", "/") and self._is_token(
            request.query_params.get("token", "")
        )
        if not (_is_loopback(request.headers.get("host", "")) and (visit or self._is_known(request))):
            await Response(status_code=403)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if visit:
                    headers.append("Set-Cookie", f"{self._cookie}={self._token}; HttpOnly; Path=/; SameSite=Strict")
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _is_known(self, request: Request) -> bool:
        by_cookie = self._is_token(request.cookies.get(self._cookie, ""))
        return by_cookie and (request.method in SAFE or self._is_token(request.headers.get(TOKEN_HEADER, "")))

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode("utf-8", "replace"), self._token.encode())


def _is_loopback(host: str) -> bool:
    try:
        return urlsplit(f"//{host}").hostname in NAMES and "@" not in host
    except ValueError:
        return False
