"""The plots are part of the page: its colours, its font, ids of their own, the same drawing every time."""

from __future__ import annotations

import re
from types import SimpleNamespace
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from ftdojo.report.drawing import as_element
from ftdojo.report.plots import loss_plot, score_plot


@pytest.fixture
def plots(build: SimpleNamespace) -> dict[str, str]:
    trained = [i for i in build.STORY if i.feedback.training]
    return {
        "score": as_element(
            score_plot(build.score(8.5), build.STORY, [("constant", 39.0), ("few-shot", 24.0)]),
            "score",
            'says "so" <b>',
        ),
        "loss": as_element(loss_plot(trained, 6), "loss", "losses"),
    }


def test_colours_come_from_the_page_alone(plots: dict[str, str]) -> None:
    for svg in plots.values():
        assert not re.search(r"#[0-9a-f]{6}", svg)
        assert "var(--muted)" in svg
        assert "<style" not in svg


def test_ids_of_two_plots_do_not_meet_and_every_reference_is_met(plots: dict[str, str]) -> None:
    ids = {name: re.findall(r'\bid="([^"]+)"', svg) for name, svg in plots.items()}
    assert not set(ids["score"]) & set(ids["loss"])
    for name, svg in plots.items():
        assert len(ids[name]) == len(set(ids[name]))
        assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)) <= {(i, "") for i in ids[name]} | {
            ("", i) for i in ids[name]
        }


def test_the_drawing_is_named_for_those_who_do_not_see_it(plots: dict[str, str]) -> None:
    root = ElementTree.fromstring(plots["score"])
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == 'says "so" <b>'
    assert root.attrib["viewBox"] == "0 0 480 300"


def test_every_kind_of_iteration_is_in_the_legend(plots: dict[str, str], build: SimpleNamespace) -> None:
    words = [t.text for t in ElementTree.fromstring(plots["score"]).iter("text")]
    for word in ("base model", "accepted", "rejected", "not scored", "best so far"):
        assert word in words
    words = [t.text for t in ElementTree.fromstring(plots["loss"]).iter("text")]
    assert "6 (best)" in words
    assert "5" in words
    alone = as_element(score_plot(build.score(8.5), [], []), "score", "")
    assert "accepted" not in alone
    assert "rejected" not in alone


def test_the_accepted_points_lie_where_the_best_line_rises(plots: dict[str, str]) -> None:
    """The best-so-far line has a corner at every accepted score; both are drawn in one coordinate system."""
    svg = plots["score"]
    line = next(d for d in re.findall(r'<path d="([^"]*)"[^>]*stroke: var\(--accent\); stroke-width: 1.6', svg))
    corners = re.findall(r"[ML] ([\d.]+) ([\d.]+)", line)
    points = re.findall(r'x="([\d.]+)" y="([\d.]+)" style="fill: var\(--accent\)', svg)
    inside = [p for p in points if p in corners]
    assert len(inside) == 3


def test_the_same_run_gives_the_same_bytes_whatever_the_users_style(build: SimpleNamespace) -> None:
    first = as_element(score_plot(build.score(8.5), build.STORY, []), "score", "")
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.facecolor": "red", "lines.linewidth": 9}):
        assert as_element(score_plot(build.score(8.5), build.STORY, []), "score", "") == first
