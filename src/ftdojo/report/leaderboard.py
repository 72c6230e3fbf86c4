"""``leaderboard.html``, ``.md`` and ``.json``: the results of a contest for readers, repositories and programs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from ftdojo.bench.leaderboard import Board, Cell, Leaderboard, Missing, Pair, Standing, TaskLine
from ftdojo.contract.result import Score
from ftdojo.disk import disk_errors
from ftdojo.files import write_file
from ftdojo.plain import plural
from ftdojo.record import RunFolder
from ftdojo.record.run_folder import LEADERBOARD as FILES
from ftdojo.report import html, plots, text
from ftdojo.report.drawing import as_element
from ftdojo.report.page import environment
from ftdojo.stats import CONFIDENCE

SCRIPT = Path(__file__).with_name("leaderboard.js")
PAIRS = 400
"""Maximum number of comparisons on the page; comparisons with a winner come first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A cell of a table: its text, its sort key, and the notes below it."""

    shown: str
    key: float | str
    notes: Sequence[str] = ()
    best: bool = False
    links: Sequence[tuple[str, str]] = ()
    """Pairs of a seed and the address of its report."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that can be sorted by every column."""

    heads: Sequence[str]
    rows: Sequence[Sequence[Entry]]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A board as the page shows it."""

    title: str
    limits: str
    headline: str
    """Who is best, in one sentence."""
    verdict: str
    standings: Table
    matrix: Table
    duels: Table
    pairs: Table
    hidden_pairs: int
    course: Markup | None
    versions: str


def write_leaderboard(out: Path, board: Leaderboard) -> Path:
    """Write the three files into the folder of a suite, and return the path of the page."""
    with disk_errors(out):
        for cell in (cell for b in board.boards for cell in b.cells):
            for folder in cell.runs.values():
                if not RunFolder(out / folder).report.is_file():  # its process was killed before it could write one
                    html.write_report(out / folder)
        for name, content in zip(FILES, (as_json(board), as_markdown(board), as_html(board)), strict=True):
            write_file(out / name, content)
    return out / FILES[-1]


def as_json(board: Leaderboard) -> str:
    """Return the board in its stable format, see :mod:`ftdojo.bench.leaderboard`."""
    return board.model_dump_json(indent=1) + "\n"


def as_markdown(board: Leaderboard) -> str:
    """Return standings and scores as Markdown tables."""
    parts = [f"# {board.suite}\n"]
    for view in map(_view, board.boards):
        title, headline = text.markdown(view.title), text.markdown(view.headline)
        parts.append(f"## {title}\n\n**{headline}**\n")
        parts.append(f"{text.markdown(view.limits)}\n\n{text.markdown(view.verdict)}\n")
        parts += [_markdown(view.standings), _markdown(view.matrix)]
    if board.missing:
        parts.append(
            "## Missing\n\n" + "".join(f"- {text.markdown(_describe_missing(job))}\n" for job in board.missing)
        )
    return "\n".join(parts)


def digest_script() -> str:
    """Return the digest of the page's only script, as a content policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(SCRIPT.read_bytes()).digest()).decode()}"


def as_html(board: Leaderboard) -> str:
    """Return the page. Its content policy names the digest of its only script, so that no other script runs."""
    template = environment().get_template("leaderboard.html.jinja")
    script = SCRIPT.read_text("utf-8")
    views = [_view(b, number) for number, b in enumerate(board.boards)]
    return template.render(
        suite=board.suite,
        views=views,
        missing=[_describe_missing(job) for job in board.missing],
        runs=sum(s.runs for b in board.boards for s in b.standings),
        attempts=board.attempts,
        script=Markup(script),  # noqa: S704 - a file of this package
        allowed=digest_script(),
        confidence=round(100 * CONFIDENCE),
    )


def _view(board: Board, number: int = 0) -> View:
    lines = {line.id: line for line in board.tasks}
    pairs = sorted(board.pairs, key=lambda p: (p.verdict == 0, p.p_value))
    limits = {"wall clock": board.limits.wall, "submissions": board.limits.iterations, "tokens": board.limits.tokens}
    cost = f"${board.limits.cost:,.2f}" if board.limits.cost is not None else None
    shown = [f"{name} {value}" for name, value in {**limits, "LLM cost": cost}.items() if value is not None]
    model = Path(board.model).name if Path(board.model).is_absolute() else board.model
    return View(
        title=f"{model}, {board.variant} data, budget {board.budget}",
        limits=f"Each run: {', '.join([*shown, board.prompts] if board.prompts else shown)}.",
        headline=_headline(board),
        verdict=_verdict(board),
        standings=_standings(board.standings, len(board.tasks)),
        matrix=_matrix(board, [s.contestant for s in board.standings]),
        duels=_duels(board),
        pairs=_pairs(pairs[:PAIRS], lines),
        hidden_pairs=max(0, len(pairs) - PAIRS),
        course=_course(board, number),
        versions=", ".join(f"{name} {version}" for name, version in board.versions.items()),
    )


def _headline(board: Board) -> str:
    """Name the best contestant; say so if its lead is not shown."""
    ranked = [s for s in board.standings if s.gain is not None]
    if not board.tasks or not ranked:
        return "No run has ended yet."
    first, *others = sorted(ranked, key=lambda s: -(s.gain or 0.0))
    name = first.contestant if first.trained else f"{first.contestant}, which needs no training,"
    place = f"{name} is best, with a mean normalized score of {_normalized(first)}"
    if not others:
        return f"{place}; it is the only contestant."
    second = others[0]
    alone = sum(list(line.leaders) == [first.contestant] for line in board.tasks)
    after = f"before {second.contestant} with {_normalized(second)}"
    shown = f"the lead is shown on {alone} of {plural(len(board.tasks), 'task')}" if alone else "the lead is not shown"
    return f"{place}, {after}; {shown}."


def _normalized(standing: Standing) -> str:
    """The mean normalized score of a contestant, with its interval over tasks if there are several."""
    shown = "–" if standing.gain is None else f"{_percent(standing.gain)}{text.SPACE}%"
    return " ".join([shown, *_interval(standing)])


def _interval(standing: Standing) -> list[str]:
    """The interval of the mean normalized score; none of a single task."""
    if standing.gain_interval is None:
        return []
    low, high = map(_percent, standing.gain_interval)
    return [f"[{low},{text.SPACE}{high}]"]


def _verdict(board: Board) -> str:
    if not board.tasks:
        return "No run has ended yet."
    count = len(board.tasks)
    most = max(s.first for s in board.standings)
    first = [s.contestant for s in board.standings if s.first == most]
    alone = sum(len(line.leaders) == 1 for line in board.tasks)
    if len(first) == len(board.standings) > 1 and not alone:
        return f"No contestant is shown to be better than another on any of {plural(count, 'task')}."
    return (
        f"{', '.join(first)}: best, or not shown to be worse than the best, on {most} of {plural(count, 'task')}. "
        f"One contestant is shown to be better than all others on {alone} of {count}."
    )


# -- tables ------------------------------------------------------------------------------------------------------------


def _standings(standings: Sequence[Standing], tasks: int) -> Table:
    heads = (
        "contestant",
        "teachers",
        "methods",
        "mean normalized score",
        "mean rank",
        "best or tied",
        "runs",
        "iterations",
        "improving",
        "rejected by gates",
        "blocked",
        "free checks",
        "time per iteration",
        "cost per iteration",
    )
    return Table(heads, [_standing(s, tasks) for s in standings])


def _standing(s: Standing, tasks: int) -> list[Entry]:
    share = s.improving / s.iterations if s.iterations else None
    each_s, each_usd = s.cost.wall_s_per_iteration, s.cost.usd_per_iteration
    outcomes = [f"{count} {name.replace('_', ' ')}" for name, count in sorted(s.outcomes.items())]
    return [
        Entry(text.line(s.contestant, 60), s.contestant, _describe(s)),
        Entry(", ".join(s.teachers) or "–", " ".join(s.teachers)),
        Entry(", ".join(s.methods) or "–", " ".join(s.methods)),
        Entry("–", -9e9) if s.gain is None else Entry(f"{_percent(s.gain)}{text.SPACE}%", s.gain, _interval(s)),
        Entry("–", 9e9) if s.rank is None else Entry(f"{s.rank:.2f}", s.rank),
        Entry(f"{s.first} of {tasks}", -s.first),
        Entry(f"{s.runs:,}", s.runs, outcomes),
        Entry(f"{s.iterations:,}", s.iterations),
        Entry("–", -1.0) if share is None else Entry(text.share(share), share, [f"{s.improving:,}"]),
        Entry(f"{s.rejected:,}", s.rejected),
        Entry(f"{s.blocked:,}", s.blocked),
        Entry(
            f"{s.prechecks:,}", s.prechecks, [f"{s.precheck_hits:,} with evaluation items"] if s.precheck_hits else []
        ),
        Entry("–", -1.0) if each_s is None else Entry(text.duration(each_s), each_s),
        Entry("–", -1.0)
        if each_usd is None
        else Entry(f"${each_usd:,.4f}", each_usd, [f"{plural(s.tokens, 'token')} in all"]),
    ]


def _describe(s: Standing) -> list[str]:
    if not s.trained:
        return ["needs no training"]
    return [s.planner] if s.planner else []


def _matrix(board: Board, contestants: Sequence[str]) -> Table:
    cells = {(cell.task, cell.contestant): cell for cell in board.cells}
    rows = []
    for line in board.tasks:
        better = "" if line.higher_is_better else ", lower is better"
        row = [
            Entry(line.id, line.id, [f"{line.metric}{better}"]),
            _scored(line.base),
        ]
        rows.append(row + [_cell(cells[line.id, name], name in line.leaders) for name in contestants])
    return Table(("task", "base model", *contestants), rows)


def _cell(cell: Cell, best: bool) -> Entry:
    if cell.score is None:
        return Entry("–", -9e9)
    deviation = cell.seed_deviation
    between = [] if deviation is None else [f"between seeds ±{text.number(deviation, cell.score.metric)}"]
    odd = [f"{count} {name.replace('_', ' ')}" for name, count in sorted(cell.outcomes.items()) if name != "scored"]
    links = [(str(seed), quote(RunFolder(Path(folder)).report.as_posix())) for seed, folder in cell.runs.items()]
    return _scored(cell.score, [*between, *odd], best, links)


def _scored(
    score: Score, notes: Sequence[str] = (), best: bool = False, links: Sequence[tuple[str, str]] = ()
) -> Entry:
    """Return a cell with the interval below the score: in one line, four contestants would not fit on a page."""
    shown = f"{text.number(score.value, score.metric)}{text.unit(score.metric)}"
    return Entry(shown, score.value, [text.interval(*score.interval, score.metric), *notes], best, links)


def _duels(board: Board) -> Table:
    heads = ("contestant", "against", "wins", "ties", "losses", "p of the sign test")
    return Table(
        heads,
        [
            [
                Entry(text.line(d.ours, 60), d.ours),
                Entry(text.line(d.theirs, 60), d.theirs),
                Entry(str(d.wins), d.wins),
                Entry(str(d.ties), d.ties),
                Entry(str(d.losses), d.losses),
                Entry(f"{d.p_value:.3f}", d.p_value),
            ]
            for d in board.duels
        ],
    )


def _pairs(pairs: Sequence[Pair], lines: dict[str, TaskLine]) -> Table:
    heads = ("task", "contestant", "against", "difference", "corrected p", "verdict", "seeds to separate")
    words = {1: "better", 0: "tie", -1: "worse"}
    return Table(
        heads,
        [
            [
                Entry(p.task, p.task),
                Entry(text.line(p.ours, 60), p.ours),
                Entry(text.line(p.theirs, 60), p.theirs),
                Entry(text.difference(p.difference, lines[p.task].metric), p.difference.value),
                Entry(f"{p.p_value:.3f}", p.p_value),
                Entry(words[p.verdict], p.verdict, best=p.verdict != 0),
                Entry("–", 9e9)
                if p.seeds_to_separate is None
                else Entry(str(p.seeds_to_separate), p.seeds_to_separate),
            ]
            for p in pairs
        ],
    )


def _course(board: Board, number: int) -> Markup | None:
    curves = list_curves(board)
    if not curves:
        return None
    ends = ", ".join(f"{curve.label} {curve.points[-1][1]:.1f} per cent" for curve in curves)
    bands = " Bands are 95 % intervals over runs." if any(curve.intervals for curve in curves) else ""
    caption = f"Mean normalized validation score of the best model over the minutes of the budget. At the end: {ends}."
    return as_element(plots.course_plot(curves), f"course-{number}", caption + bands)


def list_curves(board: Board) -> list[plots.Curve]:
    """Return the course of every contestant that has one, in minutes and per cent."""
    return [
        plots.Curve(
            text.line(course.contestant, 30),
            [(at / 60, 100 * share) for at, share in course.points],
            [(100 * low, 100 * high) for low, high in course.intervals],
        )
        for course in board.course
        if course.points
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".replace("-", "\N{MINUS SIGN}")


def _describe_missing(job: Missing) -> str:
    tried = plural(job.attempts, "attempt")
    if job.failure:
        return text.line(f"{job.job}: infrastructure error after {tried}: {job.failure}", 500)
    return f"{job.job}: not finished ({tried})"


def _markdown(table: Table) -> str:
    rows = [
        [
            (f"**{text.markdown(e.shown)}**" if e.best else text.markdown(e.shown))
            + (f" {text.markdown('; '.join(e.notes))}" if e.notes else "")
            for e in r
        ]
        for r in table.rows
    ]
    lines = [list(map(text.markdown, table.heads)), ["---"] * len(table.heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
