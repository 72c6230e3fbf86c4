"""The live page: who is answered, what is shown, what is streamed, and what its buttons do."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import psutil
import pytest

import recorded_runs as recorded
from ftdojo.bench import Suite, SuiteRecord
from ftdojo.contract.budget import Spent
from ftdojo.episode.extension import read_request
from ftdojo.errors import UsageError
from ftdojo.record import Ledger, RunFolder, events
from ftdojo.record.history import History
from ftdojo.record.summary import conclude
from ftdojo.ui import Server
from ftdojo.ui.access import TOKEN_HEADER
from ftdojo.ui.app import STREAMS
from synthetic_contest import SUITE, items, write_run

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}\u202e"
Messages = Generator[tuple[str, str, Any], None, None]
"""Kind, id and data of the messages of a stream."""


class Site(NamedTuple):
    """A folder with runs, its server, and a client that has visited it."""

    root: Path
    server: Server
    client: httpx2.Client

    def find(self, place: str) -> str:
        """The address of the run or contest at a place."""
        self.client.get("/")
        page = self.client.get("/list").text
        links: list[tuple[str, str]] = re.findall(r'<a href="(/(?:run|contest)/\w+)">([^<]*)</a>', page)
        return {html.unescape(text): address for address, text in links}[place]

    def post(self, address: str) -> httpx2.Response:
        """Press a button."""
        return self.client.post(address, headers={TOKEN_HEADER: self.server.token})


def make_run(root: Path, name: str, until: str = "finished", **about: Any) -> Path:
    run = root / name
    run.mkdir(parents=True)
    story = about.pop("story", recorded.STORY)
    recorded.record(run, story, until, about, {2: [recorded.call("diagnose", HOSTILE)]})
    return run


@contextmanager
def serve(root: Path) -> Iterator[Site]:
    server = Server(root)
    thread = server.start()
    with httpx2.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=20) as client:
        assert client.get("/", params={"token": server.token}).status_code == 200
        yield Site(root, server, client)
    server.end()
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Runs in every state, and a contest."""
    root = tmp_path_factory.mktemp("runs")
    make_run(root, "done", trivial=(recorded.trivial(), recorded.trivial()), examples=recorded.EXAMPLES)
    make_run(root, "cut", "iterations", trivial=(recorded.trivial(), None))
    make_run(root, "opened", "test_scored", examples=recorded.EXAMPLES)
    given = recorded.plan(hypothesis=HOSTILE, evidence=[HOSTILE])
    make_run(root, "hostile", story=[recorded.evaluated(1, 41.5, 33.0, given=given)], configuration={"model": HOSTILE})
    make_run(root, os.fsdecode(b"caf\xe9 ?#%"), story=[])
    (root / "broken").mkdir()
    (root / "broken" / "ledger.sqlite").write_bytes(b"no database")
    (root / "linked").symlink_to(root / "done")
    suite = root / "suite.toml"
    suite.write_text(SUITE)
    with SuiteRecord(root / "contest", Suite.load(suite)):
        pass
    for number, job in enumerate(Suite.load(suite).jobs()):
        best = items([float(i < 20 + 10 * number) for i in range(60)])
        write_run(root / "contest", job, items([0.0] * 60), best, validation=[40.0])
    with serve(root) as made:
        yield made


def read_events(site: Site, address: str, *, headers: dict[str, str] | None = None) -> Messages:
    """Yield kind, id and data of the messages of a stream."""
    with site.client.stream("GET", address, headers=headers or {}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        found: dict[str, str] = {}
        for line in answer.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                found[name] = value
            elif "data" in found:
                yield found.get("event", ""), found.get("id", ""), json.loads(found["data"])
                found = {}


def test_a_stranger_gets_403_and_nothing_else(site: Site) -> None:
    run = site.find("done")
    addresses = ("/", "/list", run, f"{run}/events", f"{run}/points", "/ui.css", "/ui.js", "/no-such", "/compare")
    with httpx2.Client(base_url=f"http://127.0.0.1:{site.server.port}") as stranger:
        for address in addresses:
            for params in ({}, {"token": "guessed"}, {"token": "ü"}):
                answer = stranger.get(address, params=params)
                assert (answer.status_code, answer.content) == (403, b""), address
                assert "set-cookie" not in answer.headers
        # The token stands in an address only once: elsewhere it would stay in a history.
        assert stranger.get(run, params={"token": site.server.token}).status_code == 403
        cookie = {"Cookie": f"ftdojo-ui-{site.server.port}=guessed"}
        assert stranger.get("/", headers=cookie).status_code == 403
        assert stranger.post(f"{run}/write").status_code == 403


def test_a_name_of_another_machine_is_refused(site: Site) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "evil@127.0.0.1", "[", ""):
        assert site.client.get("/list", headers={"Host": host}).status_code == 403
    for host in (f"localhost:{site.server.port}", "localhost:9999", "[::1]:80"):
        assert site.client.get("/list", headers={"Host": host}).status_code == 200


def test_it_listens_on_loopback_alone(site: Site) -> None:
    ours = [c.laddr for c in psutil.Process().net_connections() if c.status == psutil.CONN_LISTEN]
    assert {address.ip for address in ours if address.port == site.server.port} == {"127.0.0.1"}
    with pytest.raises(UsageError, match="cannot be used"):
        Server(site.root, site.server.port)
    with pytest.raises(UsageError, match="no folder"):
        Server(site.root / "absent")


def test_the_cookie_and_the_policy_leave_no_way_in(site: Site) -> None:
    first = httpx2.get(site.server.url)
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    for address in ("/", site.find("done"), "/ui.js", "/no-such"):
        policy = site.client.get(address).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
    for address in ("/", site.find("done")):
        page = site.client.get(address).text
        assert page.count("<script") == 1
        assert not re.search(r"<style|<[^>]*\s(style|on\w+)=", page)
    assert site.client.get("/ui.css").headers["content-type"].startswith("text/css")
    assert "--curve-0" in site.client.get("/ui.css").text


def test_a_button_needs_the_token_in_a_header(site: Site) -> None:
    run = site.find("cut")
    for headers in ({}, {TOKEN_HEADER: "guessed"}):
        answer = site.client.post(f"{run}/write", headers=headers)
        assert (answer.status_code, answer.content) == (403, b"")
    assert not RunFolder(site.root / "cut").report.exists()


def test_the_list_has_every_run_with_its_state(site: Site) -> None:
    page = site.client.get("/list").text
    for place in ("done", "cut", "hostile", "broken", "contest"):
        assert f">{place}</a>" in page
    assert ">linked</a>" not in page, "no link is followed"
    assert "unreadable" in page
    assert ">interrupted<" in page
    assert "constant 39.0\xa0% [33.0,\xa045.0]; constant by sub-task 41.0" in page
    assert "few-shot 24.0\xa0% [18.0,\xa030.0]" in page
    assert "base model accuracy 8.5" in page
    tag = site.client.get("/list").headers["etag"]
    again = site.client.get("/list", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_a_run_shows_plan_findings_budget_and_outputs(site: Site) -> None:
    page = html.unescape(site.client.get(site.find("done")).text)
    for text in (
        "the loss was still falling at the end",
        "KeyError: 'smiles'",
        "Base and new outputs",
        "test items",
        "right answer 3",
        "What next",
        "30 min 0 s",
        "with 4 examples in its prompt",
    ):
        assert text.lower() in page.lower(), text
    points = site.client.get(f"{site.find('done')}/points").json()
    assert [one[0] for one in points["scores"]] == [1, 2, 3, 4, 5, 6]
    assert points["scores"][2][1:] == ["stopped", None, None, None]
    assert points["baseline"] == [8.5, 2.5, 14.5]
    assert [name for name, _ in points["levels"]] == ["constant", "constant by sub-task", "few-shot"]
    assert {curve["iteration"] for curve in points["curves"]} == {1, 2, 4, 5, 6}


def test_right_answers_of_test_are_shown_only_after_the_run_is_over(site: Site) -> None:
    page = site.client.get(site.find("opened")).text
    assert "right answer" not in page
    assert "answer 3" not in page


def test_hostile_text_stays_text(site: Site) -> None:
    address = site.find("hostile")
    pages = [site.client.get(at).text for at in ("/", "/list", address, f"{address}/parts")]
    assert all("<img" not in page and "alert(1)</script>" not in page for page in pages)
    assert all("\u202e" not in page for page in pages)
    assert "{{ 7*7 }}" in pages[2]
    logged = [data["text"] for kind, _, data in read_events(site, f"{site.find('done')}/events") if kind == "log"]
    assert any("<script>" in text for text in logged)
    assert all("\u202e" not in text for text in logged)


def test_a_name_in_an_address_is_looked_up(site: Site) -> None:
    for address in ("/run/..%2f..%2fetc", "/written/..%2f..%2fetc/passwd", "/written/done/ledger.sqlite"):
        assert site.client.get(address).status_code in (404, 409), address
    assert site.client.get("/run/nobody").status_code == 409
    name = site.find("caf\N{REPLACEMENT CHARACTER} ?#%")
    assert site.client.get(name).status_code == 200
    assert site.post(f"{name}/finish").status_code == 409
    assert site.client.get(site.find("broken")).status_code == 409


def test_a_report_is_written_and_served_without_scripts_of_others(site: Site) -> None:
    address = site.find("opened")
    assert site.post(f"{address}/write").json() == {"done": "report.html"}
    page = site.client.get("/written/opened/report.html")
    assert page.status_code == 200
    assert "Iterations in detail" in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert policy.endswith("sandbox"), "no script, no form, no way out by itself"
    assert "/written/opened/report.html" in site.client.get(address).text
    RunFolder(site.root / "opened").report.unlink()
    RunFolder(site.root / "opened").report.symlink_to("/etc/passwd")
    assert site.client.get("/written/opened/report.html").status_code == 404
    assert site.client.get(address).status_code == 409, "nothing is read beside a link"
    RunFolder(site.root / "opened").report.unlink()


def test_a_contest_has_its_runs_and_its_leaderboard(site: Site) -> None:
    address = site.find("contest")
    assert address.startswith("/contest/")
    assert site.client.get(address).text.count('<th role="rowheader"') == 2
    assert site.post(f"{address}/write").json() == {"done": "leaderboard.html"}
    written = site.client.get("/written/contest/leaderboard.html")
    assert re.search(r"script-src 'sha256-[^']+'", written.headers["content-security-policy"])
    page = written.text
    assert "random-search" in page
    link = next(found for found in re.findall(r'href="(jobs/[^"]+/report.html)"', page))
    assert site.client.get(f"/written/contest/{link}").status_code == 200


def test_two_finished_runs_are_compared_by_item(site: Site) -> None:
    jobs = [
        site.find(f"contest/jobs/smollm2-135m-twin-short/math-aime24/{who}/seed0")
        for who in ("single-shot", "random-search")
    ]
    assert 'action="/compare"' in site.client.get(jobs[0]).text
    first, other = (job.removeprefix("/run/") for job in jobs)
    page = site.client.get("/compare", params={"first": first, "other": other})
    assert page.status_code == 200
    assert "better" in page.text
    refused = site.client.get("/compare", params={"first": first, "other": site.find("cut").removeprefix("/run/")})
    assert refused.status_code == 409
    assert "has not ended" in refused.text


def test_a_growing_ledger_streams_every_event_once(tmp_path: Path) -> None:
    run = make_run(tmp_path, "live", "baseline")
    charge = Spent(input_tokens=7)
    with serve(tmp_path) as site, Ledger(run) as ledger:
        history, seen, address = History(ledger), [], f"{site.find('live')}/events"
        for kind, id_, data in read_events(site, address):
            if kind == "log":
                assert int(id_) == data["seq"]
                seen.append(data["seq"])
            if kind == "state":
                assert data == "running"
            if kind == "curve" and len(seen) < 12:
                for _ in range(5):
                    history.append(events.LlmCalled(call=recorded.call("plan", "reply"), charge=charge))
                with RunFolder(run).metrics.open("a") as metrics:
                    metrics.write(f'{{"iteration": 1, "step": {len(seen)}, "train/loss": 0.5}}\n')
            if len(seen) >= 12:
                break
        assert seen == list(range(1, 13))
        # A client that comes back goes on where it was.
        history.append(events.RunPaused())
        again = read_events(site, address, headers={"Last-Event-ID": "10"})
        assert [next(again)[2]["seq"] for _ in range(3)] == [11, 12, 13]
        again.close()
        after = read_events(site, f"{address}?after=12")
        assert next(after)[2]["kind"] == "paused"
        after.close()
        nonsense = read_events(site, f"{address}?after=x")
        assert next(nonsense)[2]["seq"] == 1
        nonsense.close()
        points = site.client.get(f"{site.find('live')}/points").json()
        assert points["current"] == {"iteration": 1, "points": [[2, 0.5], [7, 0.5]]}
        history.append(events.RunDisqualified(reasons=["a changed tokenizer"]))
        history.append(events.RunFinished(result=conclude(history, "live")))
        assert [data for kind, _, data in read_events(site, f"{address}?after=13") if kind == "end"] == ["over"]


def test_a_stream_of_a_record_that_cannot_be_read_says_why(site: Site) -> None:
    ((kind, _, data),) = read_events(site, f"{site.find('broken')}/events")
    assert kind == "fault"
    assert "ledger" in data


def test_the_number_of_streams_is_limited(tmp_path: Path) -> None:
    make_run(tmp_path, "cut", "baseline")
    with serve(tmp_path) as site:
        address = f"{site.find('cut')}/events"
        streams = [read_events(site, address) for _ in range(STREAMS)]
        assert {next(stream)[0] for stream in streams} == {"log"}
        assert _status(site, address) == 503
        assert site.client.get("/list").status_code == 200
        for stream in streams:
            stream.close()
        until = time.monotonic() + 10
        while _status(site, address) != 200:
            assert time.monotonic() < until


def _status(site: Site, address: str) -> int:
    with site.client.stream("GET", address) as answer:
        return answer.status_code


def test_finish_writes_what_the_command_writes(tmp_path: Path) -> None:
    run = make_run(tmp_path, "live", "baseline")
    with serve(tmp_path) as site:
        address = site.find("live")
        refused = site.post(f"{address}/finish")
        assert refused.status_code == 409
        assert "ftdojo finish" in refused.json()["fix"]
        assert not RunFolder(run).finish_request.exists()
        with Ledger(run):
            assert "Finish now" in site.client.get(address).text
            assert "ends after the submission" in site.post(f"{address}/finish").json()["done"]
            assert RunFolder(run).finish_request.exists()
            assert "finishing" in site.client.get(f"{address}/parts").text


def test_more_time_is_asked_for_and_shown(tmp_path: Path) -> None:
    run = make_run(tmp_path, "live", "baseline")
    with serve(tmp_path) as site:
        address = site.find("live")
        assert "when its command is repeated" in site.post(f"{address}/more-time?minutes=10").json()["done"]
        with Ledger(run):
            said = site.post(f"{address}/more-time?minutes=30").json()["done"]
            assert "becomes 1 h 10 min from its next submission on" in said
            for wrong in ("", "?minutes=7", "?minutes=-10", "?minutes=1e9", f"?minutes={'9' * 5000}"):
                assert site.post(f"{address}/more-time{wrong}").status_code == 409
            page = site.client.get(f"{address}/parts").text
            assert "A time limit of 1 h 10 min is asked for" in page
            assert 'value="180"' in page
        assert read_request(RunFolder(run)) == 70 * 60
        with Ledger(run) as ledger:
            History(ledger).append(events.AgentStopped(out_of_budget=False))
        page = site.client.get(f"{address}/parts").text
        assert "is asked for" not in page
        assert "Give more time" not in page
        refused = site.post(f"{address}/more-time?minutes=30")
        assert (refused.status_code, "has ended" in refused.json()["error"]) == (409, True)


def test_stop_interrupts_the_process_that_holds_the_lock_and_no_other(tmp_path: Path) -> None:
    run = make_run(tmp_path, "live", "baseline")
    with serve(tmp_path) as site:
        address = site.find("live")
        assert site.post(f"{address}/stop").status_code == 409
        with subprocess.Popen(
            [sys.executable, "-c", recorded.HOLDS_THE_LOCK, run], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout
            assert writer.stdout.readline() == "held\n"
            assert "interrupted" in site.post(f"{address}/stop").json()["done"]
            assert writer.stdout.readline() == "interrupted\n"
        # A lock with a second name may be another program's.
        (tmp_path / "other.lock").hardlink_to(RunFolder(run).lock)
        with subprocess.Popen(
            [sys.executable, "-c", recorded.HOLDS_THE_LOCK, run], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout
            assert writer.stdout.readline() == "held\n"
            assert site.post(f"{address}/stop").status_code == 409
            assert writer.poll() is None
            writer.send_signal(signal.SIGTERM)
        with Ledger(run):
            assert site.post(f"{address}/stop").status_code == 409, "it does not stop itself"


def test_a_run_of_a_contest_is_not_ended_alone(site: Site) -> None:
    job = "contest/jobs/smollm2-135m-twin-short/math-aime24/single-shot/seed0"
    address = site.find(job)
    with Ledger(site.root / job):
        for action in ("finish", "stop", "more-time?minutes=30"):
            refused = site.post(f"{address}/{action}")
            assert (refused.status_code, "contest" in refused.json()["error"]) == (409, True)
    assert not RunFolder(site.root / job).finish_request.exists()
    assert not RunFolder(site.root / job).time_request.exists()


def test_a_run_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    run = make_run(tmp_path, "again", "iterations")
    with serve(tmp_path) as site:
        address = site.find("again")
        assert "iteration 6" in site.client.get(address).text
        stream = read_events(site, f"{address}/events?after=9")
        assert next(stream)[0] == "state"
        run.rename(tmp_path / "moved")
        make_run(tmp_path, "again", "baseline")
        assert [data for kind, _, data in stream if kind == "end"] == ["replaced"]
        assert "Iteration 6" not in site.client.get(address).text
        assert ">0</td>" in site.client.get("/list").text


def test_two_hundred_runs_are_read_once(tmp_path: Path) -> None:
    run = make_run(tmp_path, "run", "baseline")
    for number in range(199):
        shutil.copytree(run, tmp_path / f"run-{number:03d}")
    with serve(tmp_path) as site:
        page = site.client.get("/").text
        assert page.count('<th role="rowheader"') == 200
        for path in tmp_path.glob("*/ledger.sqlite"):  # a ledger that was read again would be unreadable
            about = path.stat()
            path.write_bytes(b"x" * about.st_size)
            os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
        assert site.client.get("/list").text.count(">interrupted<") == 200


def test_the_command_prints_an_address_that_works(tmp_path: Path) -> None:
    make_run(tmp_path, "done")
    command = [sys.executable, "-m", "ftdojo", "ui", str(tmp_path), "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        address = process.stdout.readline().strip()
        page = httpx2.get(address, timeout=20)
        assert ">done</a>" in page.text
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    with socket.socket() as free:
        assert free.connect_ex(("127.0.0.1", httpx2.URL(address).port or 0)) != 0
