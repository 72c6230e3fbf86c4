"""The live page in a real browser: what its buttons do, in both themes, on a screen and on a telephone.

``make test-browser`` runs this file. It needs Chromium (Debian: ``apt-get install chromium``) and the extra
``browser``. The tests of CI do not collect it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

import recorded_runs as recorded
from ftdojo.record import RunFolder

NAMES = ("chromium", "chromium-browser", "google-chrome")
WIDTHS, THEMES = (1280, 400), ("light", "dark")
ANSWER_MS = 120_000
"""Until the models have answered."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.fail("Chromium is missing: apt-get install chromium")
    # As root, Chromium has no sandbox of its own. It opens no page but ours.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=arguments)
        yield started
        started.close()


@contextmanager
def program(*command: str, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a program; give it with the first line that it prints, and interrupt it at the end."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | variables) as process:
        assert process.stdout
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGINT)


@pytest.fixture
def root(finished_run: Path, tmp_path: Path) -> Path:
    """A folder with a finished run that has a model, another one to compare it with, and one that goes on."""
    shutil.copytree(finished_run / "run", tmp_path / "done")
    shutil.copytree(finished_run / "run", tmp_path / "other")
    (tmp_path / "live").mkdir()
    recorded.record(tmp_path / "live", recorded.STORY, "iterations", {"trivial": (recorded.trivial(), None)}, {})
    return tmp_path


@pytest.fixture
def page(browser: Browser, width: int, theme: Any) -> Iterator[Page]:
    """A page that accepts what it is asked, and has no error on its console at the end."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    opened, faults = context.new_page(), []
    opened.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("dialog", lambda dialog: dialog.accept())
    yield opened
    context.close()
    assert faults == []


def require_no_sideways_scroll(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, page.url


def open_run(page: Page, name: str) -> None:
    page.get_by_role("link", name="all runs").click()
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.locator("#connection")).not_to_be_empty()
    require_no_sideways_scroll(page)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_button(page: Page, root: Path, finished_run: Path, theme: str, width: int) -> None:
    serve = (sys.executable, "-m", "ftdojo", "ui", str(root), "--no-open")
    hold = (sys.executable, "-c", recorded.HOLDS_THE_LOCK, str(root / "live"))
    done = page.locator("#done")
    with program(*serve, FTDOJO_HOME=str(finished_run / "home")) as (_, address), program(*hold) as (process, held):
        assert held == "held"
        page.goto(address)
        assert "token" not in page.url, "it stays in no history"
        expect(page.locator("#rows tbody tr")).to_have_count(3)
        require_no_sideways_scroll(page)
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, background.strip("rgba()").split(",")[:3])) > 384) == (theme == "light")

        page.get_by_role("link", name="live", exact=True).click()
        expect(page.locator("#connection")).to_have_text("Live")
        expect(page.locator("#scores").get_by_role("img")).to_be_visible()
        require_no_sideways_scroll(page)
        page.get_by_label("More time").select_option("60")
        page.get_by_role("button", name="Give more time").click()
        expect(done).to_contain_text("becomes 1 h 30 min from its next submission on")
        expect(page.locator("#state")).to_contain_text("A time limit of 1 h 30 min is asked for")
        page.get_by_role("button", name="Finish now").click()
        expect(done).to_contain_text("ends after the submission")
        expect(page.locator("#state .status")).to_have_text("finishing")
        assert RunFolder(root / "live").finish_request.exists()
        require_no_sideways_scroll(page)
        page.get_by_role("button", name="Stop").click()
        expect(done).to_contain_text("The run is interrupted")
        assert process.wait(20) == 0
        expect(page.locator("#state .status")).to_have_text("interrupted")
        page.get_by_role("button", name="Write report").click()
        expect(done).to_have_text("report.html")
        page.get_by_role("link", name="Report", exact=True).click()
        expect(page.get_by_role("heading", name="Iterations in detail")).to_be_visible()
        require_no_sideways_scroll(page)
        page.go_back()

        open_run(page, "done")
        page.get_by_label("A text is asked as it is").fill('{"request": "Form 1: Ann asks for a key."}')
        page.get_by_role("button", name="Ask both models").click()
        expect(page.locator("#asked")).to_contain_text("The models are loaded")
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("#asked")).to_have_text("Cancelled.")
        page.get_by_role("button", name="Ask both models").click()
        expect(page.locator("#answer-best")).to_have_text("yes", timeout=ANSWER_MS)
        expect(page.locator("#answer-base")).to_be_visible()
        require_no_sideways_scroll(page)
        page.get_by_label("with another finished run").select_option("other")
        page.get_by_role("button", name="Compare").click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        require_no_sideways_scroll(page)
