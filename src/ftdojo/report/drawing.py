"""A drawing by matplotlib, as an element of a page or as a file of its own.

In a page it takes its colours and its font from the style sheet, so that one drawing serves both themes. matplotlib can
write neither ``currentColor`` nor CSS variables: every colour is therefore a placeholder that is replaced by a variable
of the style sheet, and what a stand-alone file needs but a page does not is removed. A file has the colours of the
light theme.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from markupsafe import Markup, escape

from ftdojo.report import text

FileForm = Literal["svg", "pdf"]
Colours = Mapping[str, str]
"""Name of a variable of the style sheet -> the colour to draw with."""

WIDTH, HEIGHT = 480, 300
"""Size of a drawing in its own units. A page scales it to about this size in two columns, to 370 on a telephone."""
CURVES = 6
"""Maximum number of curves with a colour of their own."""

_VARIABLES = ("ink", "muted", "rule", "paper", "accent", *(f"curve-{i}" for i in range(CURVES)))
_PLACEHOLDER = {name: f"#fe00{i:02x}" for i, name in enumerate(_VARIABLES)}
_STYLE_SHEET = Path(__file__).with_name("report.css")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What is drawn, and its size."""

    draw: Callable[[Any, Colours], None]
    """Draws into matplotlib axes with these colours."""
    value: str = ""
    """What the vertical axis shows. Only files have it there; pages have it in the caption."""
    legend_columns: int = 3
    width: float = WIDTH
    height: float = HEIGHT


def as_element(drawing: Drawing, name: str, caption: str) -> Markup:
    """Return the drawing as an element of a page.

    Args:
        drawing: what is drawn.
        name: keeps its ids apart from those of other plots of the page.
        caption: what a screen reader says instead of the drawing.
    """
    svg = _save(drawing, "svg", _PLACEHOLDER, value="").decode("utf-8")
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    body = re.sub(r"<(metadata|style)\b.*?</\1>", "", body, flags=re.DOTALL)
    body = body.replace("xlink:href", "href").replace('id="', f'id="{name}-')
    body = body.replace('href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-")
    for variable, placeholder in _PLACEHOLDER.items():
        body = body.replace(placeholder, f"var(--{variable})")
    label = escape(text.line(caption, 500))
    size = f"0 0 {drawing.width:g} {drawing.height:g}"
    # Only what matplotlib wrote is marked as safe: it escapes the labels, which are names that a suite may give.
    return Markup(f'<svg class="plot" role="img" aria-label="{label}" viewBox="{size}">{body}')  # noqa: S704


def as_file(drawing: Drawing, form: FileForm) -> bytes:
    """Return the drawing as the content of a file: equal bytes for equal drawings. Its text stays text."""
    return _save(drawing, form, _light_colours(), value=drawing.value)


def _light_colours() -> Colours:
    """Return the colours of the style sheet's first theme, on white paper."""
    light = _STYLE_SHEET.read_text("utf-8").split("}", 1)[0]
    declared = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return {**{name: declared[name] for name in _VARIABLES}, "paper": "#ffffff"}


def _save(drawing: Drawing, form: FileForm, colours: Colours, *, value: str) -> bytes:
    import matplotlib.style
    from matplotlib.figure import Figure

    # From the library's defaults, so that a user's matplotlibrc changes nothing.
    with matplotlib.style.context(["default", _style(colours)]):
        size = drawing.width / 72, drawing.height / 72  # SVG and PDF count 72 units an inch
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots()
        drawing.draw(axes, colours)
        if value:
            axes.set_ylabel(value)
        if axes.get_legend_handles_labels()[0]:
            figure.legend(loc="outside upper left", ncols=drawing.legend_columns)
        stream = io.BytesIO()
        date = {"svg": "Date", "pdf": "CreationDate"}[form]
        figure.savefig(stream, format=form, transparent=True, metadata={date: None})
    return stream.getvalue()


def _style(colours: Colours) -> dict[str, Any]:
    return {
        "svg.fonttype": "none",
        "svg.hashsalt": "ftdojo",
        "pdf.fonttype": 42,
        "text.parse_math": False,  # names of contestants may have dollars
        "font.size": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": colours["rule"],
        "axes.labelcolor": colours["muted"],
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "grid.color": colours["rule"],
        "grid.linewidth": 0.6,
        "xtick.color": colours["rule"],
        "ytick.color": colours["rule"],
        "xtick.labelcolor": colours["muted"],
        "ytick.labelcolor": colours["muted"],
        "ytick.left": False,
        "legend.frameon": False,
        "legend.labelcolor": colours["ink"],
        "legend.handlelength": 1.5,
        "legend.columnspacing": 1.2,
    }
