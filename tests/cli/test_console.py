"""What reaches a terminal: text as it stands, without what a terminal obeys; markup in it is shown, not followed."""

from __future__ import annotations

import json
import re

import pytest
from rich.table import Table
from rich.text import Text

from ftdojo.cli.console import Live, err, out, print_json

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
