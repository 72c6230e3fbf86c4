"""The live page on disks that are full or read-only: nothing that it writes ends it, and what it shows goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

import recorded_runs as recorded
from ftdojo.bench import Suite, SuiteRecord
from ftdojo.record import Ledger, RunFolder
from machine import full, let_clock_jump, needs_mount, read_only, with_disk
from synthetic_contest import SUITE, items, write_run
from ui.test_ui import Site, make_run, read_events, serve

PAGE = "a page that was written before"


def make_site(root: Path) -> None:
    """A run that goes on, one that has ended, and a contest."""
    make_run(root, "live", "baseline")
    make_run(root, "done", trivial=(recorded.trivial(), recorded.trivial()))
    (root / "suite.toml").write_text(SUITE)
    suite = Suite.load(root / "suite.toml")
    with SuiteRecord(root / "contest", suite):
        pass
    for job in suite.jobs():
        write_run(root / "contest", job, items([0.0] * 20), items([1.0] * 20), validation=[40.0])


def press_all(site: Site) -> dict[str, str]:
    """Press every button that writes; return by button what is told: what was done, or the error."""
    buttons = {
        "finish": f"{site.find('live')}/finish",
        "more time": f"{site.find('live')}/more-time?minutes=10",
        "report": f"{site.find('done')}/write",
        "leaderboard": f"{site.find('contest')}/write",
    }
    told = {}
    for name, address in buttons.items():
        answer = site.post(address)
        assert answer.status_code in (200, 409), (name, answer.text)
        told[name] = answer.json()["done"] if answer.status_code == 200 else answer.json()["error"]
    return told


def require_shown(site: Site) -> None:
    """Check that all pages are shown, and that a run is followed."""
    for place in ("live", "done", "contest"):
        assert site.client.get(site.find(place)).status_code == 200
    assert next(read_events(site, f"{site.find('live')}/events"))[0] == "log"


@needs_mount
@pytest.mark.parametrize("left", [0, *(pytest.param(left, marks=pytest.mark.slow) for left in (2**12, 2**14))])
def test_on_a_full_disk_a_button_says_so_and_what_was_written_stays(tmp_path: Path, left: int) -> None:
    def work() -> None:
        make_site(tmp_path)
        report = RunFolder(tmp_path / "done").report
        report.write_text(PAGE)
        with serve(tmp_path) as site, Ledger(tmp_path / "live"):
            with full(tmp_path, left):
                told = press_all(site)
                assert "no space left" in told["report"]
                assert "no space left" in told["leaderboard"]
                assert report.read_text() == PAGE
                require_shown(site)
            assert not list(tmp_path.rglob("*.tmp"))
            told = press_all(site)
            assert told["leaderboard"] == "leaderboard.html"
            assert report.read_text() != PAGE
            assert RunFolder(tmp_path / "live").finish_request.exists()

    with_disk(tmp_path, "size=16m", work)


@needs_mount
def test_on_a_read_only_disk_a_button_says_so(tmp_path: Path) -> None:
    def work() -> None:
        make_site(tmp_path)
        with serve(tmp_path) as site, Ledger(tmp_path / "live"), read_only(tmp_path):
            told = press_all(site)
            assert all("Read-only file system" in error for error in told.values()), told
            require_shown(site)

    with_disk(tmp_path, "size=16m", work)


def test_a_run_whose_clock_jumps_is_followed_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let_clock_jump(monkeypatch, *(hours for _ in range(20) for hours in (0, 5, -1000, 24 * 365 * 50)))
    make_run(tmp_path, "jumping")
    with serve(tmp_path) as site:
        address = site.find("jumping")
        assert "Iteration 6" in site.client.get(address).text
        followed = list(read_events(site, f"{address}/events"))
    with Ledger(tmp_path / "jumping", writable=False) as ledger:
        count = len(ledger.events())
    assert [data["seq"] for kind, _, data in followed if kind == "log"] == list(range(1, count + 1))
    assert [data for kind, _, data in followed if kind == "end"] == ["over"]
