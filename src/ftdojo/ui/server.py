"""The server of the live page: on loopback alone, with a token that is new at every start."""

from __future__ import annotations

import secrets
import socket
import threading
from pathlib import Path

import uvicorn

from ftdojo.errors import UsageError
from ftdojo.ui.access import Access
from ftdojo.ui.app import make_app

HOST = "127.0.0.1"
CONNECTIONS = 128
"""Requests and connections at once; more are answered with 503."""
KEEP_S = 60
"""Seconds that an idle connection is kept: longer than a page is silent."""
STOP_S = 2
"""Seconds that requests have to end when the server stops."""


class Server:
    """Serves the runs and contests below a folder."""

    def __init__(self, root: Path, port: int = 0) -> None:
        """Listen; nothing is answered yet.

        Args:
            root: the folder.
            port: of loopback; 0 is any free one.

        Raises:
            UsageError: if there is no such folder, or the port is taken.
        """
        if not root.is_dir():
            fix = "start a run with: ftdojo run TASK; or name the folder of your runs: ftdojo ui DIR"
            raise UsageError(f"there is no folder {root}", fix=fix)
        try:
            self._listening = socket.create_server((HOST, port))
        except OSError as error:
            raise UsageError(f"port {port} cannot be used: {error.strerror}", fix="leave out --port") from None
        self.port = self._listening.getsockname()[1]
        self.token = secrets.token_urlsafe(32)
        app = Access(make_app(root, self.token), self.token, cookie=f"ftdojo-ui-{self.port}")
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                lifespan="off",
                ws="none",
                log_level="error",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=CONNECTIONS,
                timeout_keep_alive=KEEP_S,
                timeout_graceful_shutdown=STOP_S,
            )
        )

    @property
    def url(self) -> str:
        """The address of the first visit, with the token."""
        return f"http://{HOST}:{self.port}/?token={self.token}"

    def run(self) -> None:
        """Answer until Ctrl-C, or :meth:`end`."""
        with self._listening:
            self._server.run(sockets=[self._listening])

    def start(self) -> threading.Thread:
        """Answer in a thread; return it."""
        thread = threading.Thread(target=self.run, name="ftdojo-ui", daemon=True)
        thread.start()
        return thread

    def end(self) -> None:
        """End :meth:`run`."""
        self._server.should_exit = True
