"""What the plots of a run's page and of a leaderboard show: scores by iteration, losses, and scores over the budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import Score
from ftdojo.report.drawing import CURVES, Colours, Drawing

_LINES = ("solid", "dashed", "dotted", "dashdot")
"""Line styles that distinguish more curves than there are colours."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The normalized score of a contestant over the budget."""

    label: str
    points: Sequence[tuple[float, float]]
    """Minutes and per cent."""
    intervals: Sequence[tuple[float, float]] = ()
    """The 95 % interval of each point, in per cent; none if it has none."""


def score_plot(baseline: Score, iterations: Sequence[Iteration], trivial: Sequence[tuple[str, float]]) -> Drawing:
    """The validation score of every iteration with its interval, the base model's, what needs no training, and the best
    so far.

    Args:
        baseline: the base model on validation.
        iterations: all of them, in order; those without a score are marked on the axis.
        trivial: at most three names and scores of answers that need no training.
    """

    def draw(axes: Any, colours: Colours) -> None:
        last = max((i.number for i in iterations), default=0)
        places = [0, *(i.number for i in iterations)]
        _draw_scores(axes, colours, baseline, iterations, trivial, [*places, last + 0.5])
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlim(-0.5, last + 0.5)
        axes.set_xlabel("iteration (0 is the base model)")

    return Drawing(draw=draw, value=f"validation {baseline.metric}", legend_columns=4)


def budget_plot(
    baseline: Score,
    iterations: Sequence[Iteration],
    trivial: Sequence[tuple[str, float]],
    minutes: Sequence[float],
) -> Drawing:
    """The same as :func:`score_plot` over the budget, with the interval of the best so far as a band.

    Args:
        baseline: the base model on validation.
        iterations: all of them, in order.
        trivial: at most three names and scores of answers that need no training.
        minutes: of the budget, used when the base model was measured, and at the end of each iteration.
    """

    def draw(axes: Any, colours: Colours) -> None:
        _draw_scores(axes, colours, baseline, iterations, trivial, [*minutes, minutes[-1] * 1.03])
        best = [baseline]
        for iteration in iterations:
            best.append(iteration.score if iteration.accepted and iteration.score else best[-1])
        low, high = zip(*(score.interval for score in best), strict=True)
        axes.fill_between(minutes, low, high, step="post", color=colours["accent"], alpha=0.12, linewidth=0)
        axes.set_xlim(left=0)
        axes.set_xlabel("minutes of the budget used")

    return Drawing(draw=draw, value=f"validation {baseline.metric}", legend_columns=4)


def _draw_scores(
    axes: Any,
    colours: Colours,
    baseline: Score,
    iterations: Sequence[Iteration],
    trivial: Sequence[tuple[str, float]],
    places: Sequence[float],
) -> None:
    """Draw the scores at ``places`` on the horizontal axis: of the base model, of each iteration, and the end."""
    at = dict(zip((i.number for i in iterations), places[1:-1], strict=True))
    scored = [(i, i.score) for i in iterations if i.score is not None]
    crowded = len(iterations) > 60

    def bars(chosen: list[tuple[float, Score]], name: str | None, edge: str, face: str) -> None:
        axes.errorbar(
            [place for place, _ in chosen],
            [s.value for _, s in chosen],
            yerr=[[s.value - s.interval[0] for _, s in chosen], [s.interval[1] - s.value for _, s in chosen]],
            fmt="o",
            markersize=3 if crowded else 6,
            color=colours[edge],
            markerfacecolor=colours[face],
            elinewidth=0.4 if crowded else 1.2,
            alpha=0.4 if crowded and face == "paper" else 1,
            label=name,
            zorder=3,
        )

    axes.axhline(baseline.value, color=colours["muted"], linewidth=1, linestyle=(0, (4, 3)), label="base model")
    for slot, (name, value) in enumerate(trivial, start=1):
        axes.axhline(value, color=colours[f"curve-{slot}"], linewidth=1.2, linestyle=_LINES[slot], label=name)
    bars([(places[0], baseline)], None, "muted", "muted")
    for accepted, name, edge, face in (
        (False, "rejected", "muted", "paper"),
        (True, "accepted", "accent", "accent"),
    ):
        chosen = [(at[i.number], s) for i, s in scored if i.accepted is accepted]
        if chosen:
            bars(chosen, name, edge, face)
    steps = [(places[0], baseline.value), *((at[i.number], s.value) for i, s in scored if i.accepted)]
    heights = [value for _, value in steps]
    axes.step(
        [*(place for place, _ in steps), places[-1]],
        [*heights, heights[-1]],
        where="post",
        color=colours["accent"],
        linewidth=1.6,
        label="best so far",
    )
    stopped = [at[i.number] for i in iterations if i.score is None]
    if stopped:
        on_axis = axes.get_xaxis_transform()
        axes.plot(stopped, [0.03] * len(stopped), "x", color=colours["ink"], transform=on_axis, label="not scored")


def choose_trained(iterations: Sequence[Iteration], best: int) -> list[Iteration]:
    """Return the iterations whose losses are drawn: the latest that were trained, and the best one."""
    trained = [i for i in iterations if i.feedback.training]
    latest = trained[-CURVES:]
    left_out = [i for i in trained if i.number == best and i not in latest]
    return left_out + latest[len(left_out) :]


def loss_plot(iterations: Sequence[Iteration], best: int) -> Drawing:
    """Training loss over steps as lines, held-out loss as points; the best iteration's line is the heavy one.

    Args:
        iterations: at most :data:`~ftdojo.report.drawing.CURVES`, each with a training.
        best: number of the best iteration.
    """

    def draw(axes: Any, colours: Colours) -> None:
        for slot, iteration in enumerate(iterations):
            training = iteration.feedback.training
            assert training is not None
            colour = colours[f"curve-{slot}"]
            is_best = iteration.number == best
            steps = [point.step for point in training.curve]
            losses = [point.loss for point in training.curve]
            axes.plot(steps, losses, color=colour, linewidth=0.6, alpha=0.35)
            axes.plot(
                steps,
                _smooth(losses),
                color=colour,
                linewidth=2.2 if is_best else 1.1,
                label=f"{iteration.number}{' (best)' if is_best else ''}",
            )
            if training.eval_curve:
                held_out_steps, held_out = zip(*training.eval_curve, strict=True)
                axes.plot(held_out_steps, held_out, "o", markersize=4.5, markerfacecolor=colours["paper"], color=colour)
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
        axes.set_xlabel("optimizer step")

    return Drawing(draw=draw, value="loss", legend_columns=CURVES)


def _smooth(values: Sequence[float]) -> list[float]:
    """Return centred means over a tenth of a curve: batches hold similar rows, so single steps make a saw-tooth."""
    half = max(1, len(values) // 20)
    return [fmean(values[max(0, i - half) : i + half + 1]) for i in range(len(values))]


def course_plot(curves: Sequence[Curve]) -> Drawing:
    """The normalized validation score of contestants over the budget that they used, with intervals as bands."""

    def draw(axes: Any, colours: Colours) -> None:
        axes.axhline(0, color=colours["muted"], linewidth=1, linestyle=(0, (4, 3)))
        for slot, curve in enumerate(curves):
            colour, minutes = colours[f"curve-{slot % CURVES}"], [at for at, _ in curve.points]
            axes.plot(
                minutes,
                [share for _, share in curve.points],
                color=colour,
                linestyle=_LINES[slot // CURVES % len(_LINES)],
                linewidth=1.6,
                drawstyle="steps-post",
                label=curve.label,
            )
            if curve.intervals:
                low, high = zip(*curve.intervals, strict=True)
                axes.fill_between(minutes, low, high, step="post", color=colour, alpha=0.12, linewidth=0)
        axes.set_xlim(left=0)
        axes.set_xlabel("minutes of the budget used")

    return Drawing(draw=draw, value="normalized validation score, %")
