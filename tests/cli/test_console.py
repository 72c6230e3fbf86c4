"""What reaches a terminal: text as it stands, without what a terminal obeys; markup in it is shown, not followed."""

from __future__ import annotations

import json
import re
import time

import pytest
from rich.table import Table
from rich.text import Text

from ftdojo.cli import console
from ftdojo.cli.console import Live, err, out, print_json, print_table

HOSTILE = "\x1b]0;owned\x07\x1b[2Jred\x9b31m \u202eturned\u2066 [/bold] [link=file:///x]y[/link] :skull: \ud800"
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def test_text_tables_and_styled_text_are_cleaned_and_not_interpreted(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(HOSTILE)
    for thing in (HOSTILE, table, Text.assemble((HOSTILE, "bold"), HOSTILE)):
        out.print(thing, soft_wrap=True)
        err.print(thing, soft_wrap=True)
    with Live() as live:
        live.say(HOSTILE)
        live.update(HOSTILE, 1, 2, HOSTILE)
        live.end(HOSTILE, HOSTILE)
    for printed in capsys.readouterr():
        assert ACTING.findall(printed) == []
        assert "[/bold] [link=file:///x]y[/link] :skull:" in printed


def test_a_document_has_the_same_values_without_acting_characters(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({HOSTILE: [HOSTILE, "Ünïcode 漢 שלום 😀"]})
    printed = capsys.readouterr().out
    assert ACTING.findall(printed) == []
    assert json.loads(printed) == {HOSTILE: [HOSTILE, "Ünïcode 漢 שלום 😀"]}
    assert "Ünïcode 漢 שלום 😀" in printed


def test_in_a_pipe_every_row_of_a_table_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("name", "words")
    table.add_row("a" * 90, "b " * 90)
    print_table(table)
    (row,) = [line for line in capsys.readouterr().out.splitlines() if "b" in line]
    assert "a" * 90 in row
    assert "b " * 89 + "b" in row


def test_without_a_terminal_a_long_stage_is_reported_again_and_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was printed during a training of several minutes."""
    monkeypatch.setattr(console, "EVERY_S", 0.05)
    with Live() as live:
        live.update("setup", 0, 2, "loading the libraries")
        assert "setup: loading" in capsys.readouterr().err  # the first line comes at once
        live.update("train", 0, 200, "begins")
        live.update("train", 50, 200, "loss 0.312")
        time.sleep(1.5)
        live.end("train", "loss 0.200")
    lines = capsys.readouterr().err.splitlines()
    during = [line for line in lines if "25 %" in line]
    assert len(during) > 2
    assert "loss 0.312; for 1 s" in during[-1]
    assert lines[-1].endswith("train: loss 0.200")


def test_a_line_says_share_time_and_forecast() -> None:
    state = console._State("train", 50, 200, "loss 0.312", begun=100.0, first=0, updated=160.0)
    assert state.line(160.0) == "train: 25 %, loss 0.312; for 1 min 0 s, about 3 min 0 s left"
    assert state.line(190.0).endswith("about 2 min 30 s left"), "while nothing is reported, less is left"
    assert state.line(400.0) == "train: 25 %, loss 0.312; for 5 min 0 s", "it takes longer than was forecast"
    data = console._State("data", 0, 1, "running", begun=100.0, first=0, updated=100.0)
    assert data.line(107.0) == "data: running; for 7 s"


def test_nothing_is_forecast_from_the_first_report_of_a_stage() -> None:
    """It may say that some is done already, after no time at all."""
    first = console._State("train", 6, 200, "", begun=100.0, first=6, updated=100.0)
    assert "left" not in first.line(108.0)
    later = console._State("train", 16, 200, "", begun=100.0, first=6, updated=120.0)
    assert later.line(120.0).endswith("for 20 s, about 6 min 8 s left")
