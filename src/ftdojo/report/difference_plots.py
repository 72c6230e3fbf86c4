"""Plots of who is better: a forest plot of differences with their intervals, and the wins of contestants over each
other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ftdojo.bench.leaderboard import Duel
from ftdojo.contract.feedback import Interval
from ftdojo.report import text
from ftdojo.report.drawing import HEIGHT, WIDTH, Colours, Drawing

_ROW, _CELL = 20, 52
"""Height of a row of a forest plot, and size of a cell of the matrix, in units of the drawing."""
_AROUND = 150
"""Space for labels and axes."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of a forest plot."""

    label: str
    interval: Interval
    shown: bool
    """Whether it is shown to be a difference, so that its mark is filled."""


def forest_plot(rows: Sequence[Difference], axis: str, *, filled: str, hollow: str) -> Drawing:
    """Differences with their 95 % intervals, the first one at the top.

    Args:
        rows: at least one.
        axis: what the difference is, below the horizontal axis.
        filled: the meaning of filled marks.
        hollow: the meaning of the others.
    """

    def draw(axes: Any, colours: Colours) -> None:
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
        axes.axvline(0, color=colours["muted"], linewidth=1, linestyle=(0, (4, 3)))
        for shown, name, edge, face in (
            (True, filled, "accent", "accent"),
            (False, hollow, "muted", "paper"),
        ):
            chosen = [(place, row.interval) for place, row in enumerate(rows) if row.shown is shown]
            if chosen:
                axes.errorbar(
                    [gap.value for _, gap in chosen],
                    [place for place, _ in chosen],
                    xerr=[[gap.value - gap.low for _, gap in chosen], [gap.high - gap.value for _, gap in chosen]],
                    fmt="o",
                    markersize=6,
                    color=colours[edge],
                    markerfacecolor=colours[face],
                    elinewidth=1.2,
                    label=name,
                    zorder=3,
                )
        axes.set_yticks(range(len(rows)), [row.label for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel(axis)

    return Drawing(draw=draw, legend_columns=2, height=max(HEIGHT / 2, 90 + _ROW * len(rows)))


def win_matrix(contestants: Sequence[str], duels: Sequence[Duel]) -> Drawing:
    """On how many tasks the contestant of a row is better than that of a column, is tied with it, and is worse.

    Args:
        contestants: the best one first.
        duels: each two of them once, in any order.
    """
    results = {(d.ours, d.theirs): (d.wins, d.ties, d.losses) for d in duels}
    results |= {(d.theirs, d.ours): (d.losses, d.ties, d.wins) for d in duels}
    labels = [text.line(name, 30) for name in contestants]

    def draw(axes: Any, colours: Colours) -> None:
        from matplotlib.patches import Rectangle

        axes.grid(visible=False)
        for row, ours in enumerate(contestants):
            for column, theirs in enumerate(contestants):
                if (ours, theirs) not in results:
                    continue
                wins, ties, losses = results[ours, theirs]
                lead = (wins - losses) / max(1, wins + ties + losses)
                colour = colours["curve-0" if lead > 0 else "curve-1"]
                corner = column - 0.5, row - 0.5
                axes.add_patch(Rectangle(corner, 1, 1, facecolor=colour, alpha=0.6 * abs(lead), linewidth=0))
                axes.text(column, row, f"{wins}/{ties}/{losses}", ha="center", va="center", color=colours["ink"])
        places = range(len(contestants))
        axes.set_xticks(places, labels, rotation=40, ha="right", rotation_mode="anchor")
        axes.set_yticks(places, labels)
        axes.set_xlim(-0.5, len(contestants) - 0.5)
        axes.set_ylim(len(contestants) - 0.5, -0.5)
        axes.set_xlabel("tasks won / tied / lost by the row against the column")

    side = _CELL * len(contestants)
    return Drawing(draw=draw, width=max(WIDTH, side + _AROUND), height=max(HEIGHT, 0.6 * side + _AROUND))
