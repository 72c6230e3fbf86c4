"""The plots as inline SVG that takes its colours and its font from the page, so that one drawing serves both themes.

matplotlib can write neither ``currentColor`` nor CSS variables. Every colour here is therefore a placeholder that is
replaced by a variable of the page's style sheet, and what a stand-alone file needs but a page does not is removed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

from markupsafe import Markup, escape

from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import Score
from ftdojo.report import text

WIDTH, HEIGHT = 480, 300
"""Size of the drawing in its own units. The page scales it to about this size in two columns, to 370 on a telephone."""
CURVES = 6
"""Maximum number of loss curves with a colour of their own."""

_LINES = ("solid", "dashed", "dotted", "dashdot")
"""Line styles that distinguish more curves than there are colours."""

_VARIABLES = ("ink", "muted", "rule", "paper", "accent", *(f"curve-{i}" for i in range(CURVES)))
_PLACEHOLDER = {name: f"#fe00{i:02x}" for i, name in enumerate(_VARIABLES)}

_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ftdojo",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _PLACEHOLDER["rule"],
    "axes.labelcolor": _PLACEHOLDER["muted"],
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": _PLACEHOLDER["rule"],
    "grid.linewidth": 0.6,
    "xtick.color": _PLACEHOLDER["rule"],
    "ytick.color": _PLACEHOLDER["rule"],
    "xtick.labelcolor": _PLACEHOLDER["muted"],
    "ytick.labelcolor": _PLACEHOLDER["muted"],
    "ytick.left": False,
    "legend.frameon": False,
    "legend.labelcolor": _PLACEHOLDER["ink"],
    "legend.handlelength": 1.5,
    "legend.columnspacing": 1.2,
}


def score_plot(
    baseline: Score, iterations: Sequence[Iteration], trivial: Sequence[tuple[str, float]], caption: str
) -> Markup:
    """The validation score of every iteration with its interval, the base model's, what needs no training, and the best
    so far.

    Args:
        baseline: the base model on validation.
        iterations: all of them, in order; those without a score are marked on the axis.
        trivial: at most three names and scores of answers that need no training.
        caption: what a screen reader says instead of the drawing.
    """

    def draw(axes: Any) -> None:
        colour = _PLACEHOLDER
        scored = [(i, i.score) for i in iterations if i.score is not None]
        crowded = len(iterations) > 60

        def bars(chosen: list[tuple[int, Score]], name: str | None, edge: str, face: str) -> None:
            axes.errorbar(
                [number for number, _ in chosen],
                [s.value for _, s in chosen],
                yerr=[[s.value - s.interval[0] for _, s in chosen], [s.interval[1] - s.value for _, s in chosen]],
                fmt="o",
                markersize=3 if crowded else 6,
                color=colour[edge],
                markerfacecolor=colour[face],
                elinewidth=0.4 if crowded else 1.2,
                alpha=0.4 if crowded and face == "paper" else 1,
                label=name,
                zorder=3,
            )

        axes.axhline(baseline.value, color=colour["muted"], linewidth=1, linestyle=(0, (4, 3)), label="base model")
        for slot, (name, value) in enumerate(trivial, start=1):
            axes.axhline(value, color=colour[f"curve-{slot}"], linewidth=1.2, linestyle=_LINES[slot], label=name)
        bars([(0, baseline)], None, "muted", "muted")
        for accepted, name, edge, face in (
            (False, "rejected", "muted", "paper"),
            (True, "accepted", "accent", "accent"),
        ):
            chosen = [(i.number, s) for i, s in scored if i.accepted is accepted]
            if chosen:
                bars(chosen, name, edge, face)
        last = max((i.number for i in iterations), default=0)
        steps = [(0, baseline.value), *((i.number, s.value) for i, s in scored if i.accepted)]
        heights = [value for _, value in steps]
        axes.step(
            [*(number for number, _ in steps), last + 0.5],
            [*heights, heights[-1]],
            where="post",
            color=colour["accent"],
            linewidth=1.6,
            label="best so far",
        )
        stopped = [i.number for i in iterations if i.score is None]
        if stopped:
            on_axis = axes.get_xaxis_transform()
            axes.plot(stopped, [0.03] * len(stopped), "x", color=colour["ink"], transform=on_axis, label="not scored")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlim(-0.5, last + 0.5)
        axes.set_xlabel("iteration (0 is the base model)")

    return _figure(draw, "score", caption, columns=4)


def loss_plot(iterations: Sequence[Iteration], best: int, caption: str) -> Markup:
    """Training loss over steps as lines, held-out loss as points; the best iteration's line is the heavy one.

    Args:
        iterations: at most :data:`CURVES`, each with a training.
        best: number of the best iteration.
        caption: what a screen reader says instead of the drawing.
    """

    def draw(axes: Any) -> None:
        for slot, iteration in enumerate(iterations):
            training = iteration.feedback.training
            assert training is not None
            colour = _PLACEHOLDER[f"curve-{slot}"]
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
                axes.plot(
                    held_out_steps, held_out, "o", markersize=4.5, markerfacecolor=_PLACEHOLDER["paper"], color=colour
                )
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
        axes.set_xlabel("optimizer step")

    return _figure(draw, "loss", caption, columns=CURVES)


def _smooth(values: Sequence[float]) -> list[float]:
    """Return centred means over a tenth of a curve: batches hold similar rows, so single steps make a saw-tooth."""
    half = max(1, len(values) // 20)
    return [fmean(values[max(0, i - half) : i + half + 1]) for i in range(len(values))]


def course_plot(courses: Sequence[tuple[str, Sequence[tuple[float, float]]]], name: str, caption: str) -> Markup:
    """The normalized validation score of contestants over the budget that they used.

    Args:
        courses: a label, and points of minutes and per cent, for each contestant.
        name: of the drawing, unique on its page.
        caption: what a screen reader says instead of the drawing.
    """

    def draw(axes: Any) -> None:
        axes.axhline(0, color=_PLACEHOLDER["muted"], linewidth=1, linestyle=(0, (4, 3)))
        for slot, (label, points) in enumerate(courses):
            axes.plot(
                [minutes for minutes, _ in points],
                [share for _, share in points],
                color=_PLACEHOLDER[f"curve-{slot % CURVES}"],
                linestyle=_LINES[slot // CURVES % len(_LINES)],
                linewidth=1.6,
                drawstyle="steps-post",
                label=label.replace("$", r"\$"),  # matplotlib would read a formula between dollars
            )
        axes.set_xlim(left=0)
        axes.set_xlabel("minutes of the budget used")

    return _figure(draw, name, caption, columns=3)


def _figure(draw: Callable[[Any], None], name: str, caption: str, *, columns: int) -> Markup:
    import matplotlib.style
    from matplotlib.figure import Figure

    # From the library's defaults, so that a user's matplotlibrc changes nothing.
    with matplotlib.style.context(["default", _STYLE]):
        figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72), layout="constrained")  # SVG counts 72 units an inch
        axes = figure.subplots()
        draw(axes)
        figure.legend(loc="outside upper left", ncols=columns)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    return _inline(stream.getvalue(), name, caption)


def _inline(svg: str, name: str, caption: str) -> Markup:
    """Turn a stand-alone SVG file into an element of a page. ``name`` keeps its ids apart from those of other plots."""
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    body = re.sub(r"<(metadata|style)\b.*?</\1>", "", body, flags=re.DOTALL)
    body = body.replace("xlink:href", "href").replace('id="', f'id="{name}-')
    body = body.replace('href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-")
    for variable, placeholder in _PLACEHOLDER.items():
        body = body.replace(placeholder, f"var(--{variable})")
    label = escape(text.line(caption, 500))
    # Only what matplotlib wrote is marked as safe: it escapes the labels, which are names that a suite may give.
    return Markup(f'<svg class="plot" role="img" aria-label="{label}" viewBox="0 0 {WIDTH} {HEIGHT}">{body}')  # noqa: S704
