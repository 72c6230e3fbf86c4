"""The addresses of the live page. :mod:`ftdojo.ui.access` has checked every request that comes here."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from pathlib import Path, PurePosixPath
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from ftdojo.audit import comparison, scored_items
from ftdojo.errors import FtdojoError, UsageError
from ftdojo.report import text
from ftdojo.report.comparison_page import render_comparison
from ftdojo.report.leaderboard import digest_script
from ftdojo.report.page import environment
from ftdojo.schema import NotRegularError, read_regular
from ftdojo.ui import actions
from ftdojo.ui.access import CLOSED
from ftdojo.ui.asking import LARGEST_REQUEST, Asking, GoneError, read_question
from ftdojo.ui.folder import Folder, Named, name_place
from ftdojo.ui.page import list_current, list_points, make_page
from ftdojo.ui.stream import follow

HERE = Path(__file__).parent
STREAMS = 24
"""The most event streams that are open at once."""
REPORT_POLICY = f"{CLOSED}; style-src 'unsafe-inline'; sandbox"
"""Of pages that bring their styles, and need no script."""
LARGEST_PAGE = 2**26
"""Bytes of such a page."""
ACTIONS: dict[str, Callable[[Path], str]] = {
    "finish": actions.finish,
    "stop": actions.stop,
    "write": actions.write_page,
}


class Pages:
    """Answers requests. Files are read in threads, so no client waits for another."""

    def __init__(self, root: Path, token: str) -> None:
        self._folder, self._token = Folder(root), token
        self._templates = environment(HERE)
        self._streams = 0
        self._writing = threading.Lock()
        self._asking = Asking()

    @property
    def routes(self) -> list[Route]:
        """All addresses."""
        return [
            Route("/", self.show_list),
            Route("/list", self.show_rows),
            Route("/contest/{id}", self.show_contest),
            Route("/contest/{id}/list", self.show_rows),
            Route("/run/{id}", self.show_run),
            Route("/run/{id}/parts", self.show_parts),
            Route("/run/{id}/points", self.show_points),
            Route("/run/{id}/events", self.stream),
            Route("/run/{id}/more-time", self.give_time, methods=["POST"]),
            Route("/run/{id}/ask", self.ask, methods=["POST"]),
            Route("/run/{id}/{action}", self.act, methods=["POST"]),
            Route("/contest/{id}/{action}", self.act, methods=["POST"]),
            Route("/compare", self.compare),
            Route("/written/{place:path}", self.show_written),
            Route("/ui.css", self.show_style),
            Route("/ui.js", self.show_script),
        ]

    def show_list(self, request: Request) -> Response:
        """All runs and contests."""
        return self._render("list.html.jinja", title=str(self._folder.root), contest=None, runs=self._list(None))

    def show_contest(self, request: Request) -> Response:
        """A contest with its runs."""
        contest = self._folder.require(request.path_params["id"])
        if not contest.is_contest:
            raise HTTPException(404)
        return self._render("list.html.jinja", title=contest.place, contest=contest, runs=self._list(contest))

    def show_rows(self, request: Request) -> Response:
        """The rows of the list, if they have changed."""
        id_ = request.path_params.get("id")
        runs = self._list(self._folder.require(id_) if id_ else None)
        content = self._templates.get_template("rows.html.jinja").render(runs=runs).encode()
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        return HTMLResponse(content, headers={"ETag": tag})

    def show_run(self, request: Request) -> Response:
        """A run: the whole page."""
        named = self._folder.require(request.path_params["id"])
        with (run := self._folder.watch(named)).turn:
            run.update()
            page, log, seq = make_page(run), list(run.log), run.now.seq
        others = [
            other
            for other in self._folder.list_runs()
            if other.id != named.id and other.about.task == named.about.task and _is_scored(other)
        ]
        others = others if _is_scored(named) else []
        return self._render("run.html.jinja", run=named, report=page, log=log[::-1], seq=seq, others=others)

    def show_parts(self, request: Request) -> Response:
        """A run: what changes on its page."""
        named = self._folder.require(request.path_params["id"])
        with (run := self._folder.watch(named)).turn:
            run.update()
            page = make_page(run)
        return HTMLResponse(self._templates.get_template("run_parts.html.jinja").render(report=page, run=named))

    def show_points(self, request: Request) -> Response:
        """A run: the points of its curves."""
        with (run := self._folder.watch(self._folder.require(request.path_params["id"]))).turn:
            run.update()
            return JSONResponse({**list_points(run), "current": list_current(run)})

    async def stream(self, request: Request) -> Response:
        """A run: what happens, as server-sent events."""
        run = self._folder.watch(await run_in_threadpool(self._folder.require, request.path_params["id"]))
        if self._streams >= STREAMS:
            return Response(status_code=503, headers={"Retry-After": "5"})
        given = request.headers.get("last-event-id") or request.query_params.get("after", "0")
        after = int(given) if given.isascii() and given.isdecimal() and len(given) < 16 else 0

        async def counted() -> AsyncIterator[ServerSentEvent]:
            self._streams += 1
            try:
                async for message in follow(run, after):
                    yield message
            finally:
                self._streams -= 1

        return EventSourceResponse(counted(), ping=15, send_timeout=10)

    def act(self, request: Request) -> Response:
        """Carry out the action of a button."""
        action = ACTIONS.get(request.path_params["action"])
        if action is None:
            raise HTTPException(404)
        named = self._folder.require(request.path_params["id"])
        # Two plots at once would mix their styles. Nothing else waits for one.
        with self._writing if action is actions.write_page else nullcontext():
            return JSONResponse({"done": action(named.folder)})

    def give_time(self, request: Request) -> Response:
        """Ask for more time for a run."""
        run = self._folder.require(request.path_params["id"]).folder
        return JSONResponse({"done": actions.give_time(run, request.query_params.get("minutes", ""))})

    async def ask(self, request: Request) -> Response:
        """Ask the base model and the best model of a run."""
        named = await run_in_threadpool(self._require_quiet, request.path_params["id"])
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LARGEST_REQUEST:
                raise HTTPException(413)
        try:
            return JSONResponse(await self._asking.ask(named.folder, read_question(body), request.is_disconnected))
        except GoneError:
            return Response(status_code=204)  # nobody gets it

    def _require_quiet(self, id_: str) -> Named:
        """Return a run while no run trains, from which the models would take memory and time."""
        found = self._folder.require(id_)
        if going := next((run for run in self._folder.list_runs() if run.about.state == "running"), None):
            raise UsageError(
                f"the run {going.place} goes on, and the models would take memory and time from it",
                fix="ask when it has ended",
            )
        return found

    def compare(self, request: Request) -> Response:
        """Two finished runs, item by item."""
        chosen = [self._folder.require(request.query_params.get(name, "")) for name in ("first", "other")]
        read = [scored_items.read_run(run.place, run.folder) for run in chosen]
        page = render_comparison(comparison.compare(read))
        return HTMLResponse(page, headers={"Content-Security-Policy": REPORT_POLICY})

    def show_written(self, request: Request) -> Response:
        """The report or the leaderboard in the folder of a run or a contest."""
        place = PurePosixPath(request.path_params["place"])
        found = self._folder.require(name_place(place.parent.as_posix()))
        policy = REPORT_POLICY
        if found.is_contest:  # its script sorts the tables; it is ours, or it does not run
            policy = f"{CLOSED}; style-src 'unsafe-inline'; script-src '{digest_script()}'"
        if place.name != found.page.name:
            raise HTTPException(404)
        try:
            content = read_regular(found.page, LARGEST_PAGE)
        except (OSError, NotRegularError):
            raise HTTPException(404) from None
        return HTMLResponse(content, headers={"Content-Security-Policy": policy})

    def show_style(self, request: Request) -> Response:
        """The styles: those of the report, of the leaderboard, and of this page."""
        names = ("report.css", "leaderboard.css", "ui.css")
        content = "".join(self._templates.get_template(name).render() for name in names)
        return Response(content, media_type="text/css")

    def show_script(self, request: Request) -> Response:
        """The script."""
        return Response((HERE / "ui.js").read_bytes(), media_type="text/javascript")

    def _list(self, contest: Named | None) -> list[Named]:
        runs = self._folder.list_runs()
        if contest is None:
            return runs
        inside = "" if contest.place == "." else f"{contest.place}/"
        return [run for run in runs if run.place.startswith(inside) and run.id != contest.id]

    def _render(self, template: str, status: int = 200, **context: Any) -> Response:
        page = self._templates.get_template(template).render(token=self._token, **context)
        return HTMLResponse(page, status_code=status)

    def show_error(self, request: Request, error: Exception) -> Response:
        """Say why a request cannot be answered."""
        assert isinstance(error, FtdojoError)
        if request.method == "POST":
            said = {"error": text.line(error.message, 600), "fix": text.line(error.fix, 600)}
            return JSONResponse(said, status_code=409)
        return self._render("error.html.jinja", status=409, error=error)


def make_app(root: Path, token: str) -> Starlette:
    """Return the application for the runs and contests below a folder."""
    pages = Pages(root, token)
    return Starlette(routes=pages.routes, exception_handlers={FtdojoError: pages.show_error})


def _is_scored(run: Named) -> bool:
    return run.about.state == "scored"
