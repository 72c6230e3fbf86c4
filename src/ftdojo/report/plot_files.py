"""Plots as files, for papers and slides: of a run and of a contest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain, count
from pathlib import Path

from ftdojo.bench.leaderboard import Board, Leaderboard, Pair
from ftdojo.contract.protocol import Iteration
from ftdojo.disk import disk_errors
from ftdojo.errors import UsageError
from ftdojo.files import write_file
from ftdojo.record import Ledger
from ftdojo.record.events import BaselineMeasured, IterationEnded, RunBegun
from ftdojo.record.history import History
from ftdojo.report import plots, text
from ftdojo.report.difference_plots import Difference, forest_plot, win_matrix
from ftdojo.report.drawing import Drawing, FileForm, as_file
from ftdojo.report.leaderboard import list_curves
from ftdojo.report.view.scores import score_lines


def draw_run(folder: Path) -> dict[str, Drawing]:
    """Return the plots of a run, finished or not, by the names of their files.

    Raises:
        UsageError: if the folder holds no run, or nothing was measured in it.
    """
    with Ledger(folder, writable=False) as ledger:
        history = History(ledger)
        begun, measured = history.first(RunBegun), history.first(BaselineMeasured)
        iterations, best, minutes = history.iterations, history.best, list(_list_ends(history))
    if begun is None or measured is None:
        raise UsageError(f"nothing was measured in {folder}", fix="run the command that began its run again")
    base, trivial = measured.evaluation.score, score_lines(measured.trivial)
    found = {
        "score-by-iteration": plots.score_plot(base, iterations, trivial),
        "score-over-budget": plots.budget_plot(base, iterations, trivial, minutes),
    }
    if rows := [row for iteration in iterations if (row := _compare_to_best(iteration))]:
        better = _name_better(begun.metric, higher_is_better=begun.higher_is_better)
        axis = f"difference to the best model before, validation {better}"
        found["differences"] = forest_plot(rows, axis, filled="accepted", hollow="rejected")
    if trained := plots.choose_trained(iterations, best):
        found["training-loss"] = plots.loss_plot(trained, best)
    return found


def _list_ends(history: History) -> Iterator[float]:
    """Yield the minutes of the budget that were used when the baseline and each iteration ended."""
    spent = 0.0
    for recorded in history.events:
        spent += recorded.charge.wall_s / 60
        if isinstance(recorded.event, BaselineMeasured | IterationEnded):
            yield spent


def _compare_to_best(iteration: Iteration) -> Difference | None:
    """Return the difference that acceptance decided on, if there is one."""
    evaluation = iteration.feedback.evaluation
    if evaluation is None or evaluation.to_best is None:
        return None
    return Difference(f"iteration {iteration.number}", evaluation.to_best, iteration.accepted)


def draw_contest(leaderboard: Leaderboard) -> dict[str, Drawing]:
    """Return the plots of a contest by the names of their files; with several boards these begin with the board's
    number.

    Raises:
        UsageError: if no run has ended.
    """
    found: dict[str, Drawing] = {}
    for number, board in enumerate(leaderboard.boards, start=1):
        prefix = f"board-{number}-" if len(leaderboard.boards) > 1 else ""
        for name, drawing in _draw_board(board):
            found[_choose_name(prefix + name, found)] = drawing
    if not found:
        raise UsageError("no run of the contest has ended", fix="`ftdojo bench` goes on with it")
    return found


def _draw_board(board: Board) -> Iterator[tuple[str, Drawing]]:
    if curves := list_curves(board):
        yield "score-over-budget", plots.course_plot(curves)
    for task in board.tasks:
        if pairs := [pair for pair in board.pairs if pair.task == task.id]:
            better = _name_better(task.metric, higher_is_better=task.higher_is_better)
            rows = [_compare(pair) for pair in sorted(pairs, key=lambda pair: -pair.difference.value)]
            axis = f"difference on test, {better}"
            yield f"differences-{task.id}", forest_plot(rows, axis, filled="shown to differ", hollow="tie")
    if board.duels and board.tasks:
        yield "wins", win_matrix([standing.contestant for standing in board.standings], board.duels)


def _compare(pair: Pair) -> Difference:
    label = f"{text.line(pair.ours, 30)} − {text.line(pair.theirs, 30)}"
    return Difference(label, pair.difference, pair.verdict != 0)


def _name_better(metric: str, *, higher_is_better: bool) -> str:
    return f"{metric} (more is better)" if higher_is_better else f"{metric} (less is better)"


def _choose_name(wanted: str, taken: Mapping[str, Drawing]) -> str:
    """Return ``wanted`` as the name of a file, which is none of ``taken``: tasks have any names."""
    name = re.sub(r"[^\w.-]", "-", wanted, flags=re.ASCII)[:120]
    others = (f"{name}-{number}" for number in count(2))
    return next(chosen for chosen in chain([name], others) if chosen not in taken)


def write_plots(drawings: Mapping[str, Drawing], folder: Path, form: FileForm) -> list[Path]:
    """Write each plot as a file of its own into ``folder``; return their paths.

    Raises:
        InfrastructureError: if one cannot be written.
    """
    written = []
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, drawing in drawings.items():
            written.append(folder / f"{name}.{form}")
            write_file(written[-1], as_file(drawing, form))
    return written
