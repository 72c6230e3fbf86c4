"""``report.html``: one file that needs no network and no script, and that does not trust the text it quotes."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from ftdojo.disk import disk_errors
from ftdojo.files import write_file
from ftdojo.plain import plural
from ftdojo.record import RunFolder
from ftdojo.report import plots, text, view
from ftdojo.report.drawing import as_element
from ftdojo.report.page import environment


def write_report(run: Path) -> Path:
    """Write ``report.html`` into the folder of a run, finished or not, and return its path.

    Raises:
        UsageError: if the folder holds no run.
    """
    page = render(view.read(run))
    path = RunFolder(run).report
    with disk_errors(path):
        write_file(path, page)
    return path


def render(report: view.Report) -> str:
    """Render the whole page."""
    template = environment().get_template("report.html.jinja")
    return template.render(report=report, score_plot=_score_plot(report), loss_plot=_loss_plot(report))


def _score_plot(report: view.Report) -> Markup | None:
    if report.baseline is None:
        return None
    named = ", ".join(f"{name} {text.number(value, report.metric)}" for name, value in report.lines)
    without = f"Without training: {named}. " if named else ""
    caption = (
        f"Validation {report.metric} of {plural(len(report.iterations), 'iteration')} with 95 % intervals. "
        f"Base model: {text.score(report.baseline)}. {without}The best is iteration {report.best}. "
        "The same values are in the table of iterations."
    )
    return as_element(plots.score_plot(report.baseline, report.iterations, report.lines), "score", caption)


def _loss_plot(report: view.Report) -> Markup | None:
    shown = plots.choose_trained(report.iterations, report.best)
    if not shown:
        return None
    numbers = ", ".join(str(i.number) for i in shown)
    caption = f"Training loss over optimizer steps of iterations {numbers}. The final losses are in the details."
    return as_element(plots.loss_plot(shown, report.best), "loss", caption)
