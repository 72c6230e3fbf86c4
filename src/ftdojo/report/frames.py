"""Results as data frames (pandas): of a run and of a contest, for notebooks and for files that other programs read."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ftdojo.bench.leaderboard import Leaderboard
from ftdojo.contract.result import RunResult, Score
from ftdojo.disk import disk_errors
from ftdojo.errors import UsageError
from ftdojo.files import write_file
from ftdojo.record import Ledger
from ftdojo.record.history import History
from ftdojo.record.run_folder import LEADERBOARD
from ftdojo.report import text

if TYPE_CHECKING:
    import pandas as pd

Format = Literal["csv", "md", "latex", "parquet"]
SPLITS = ("validation", "test")
BOARD = ("board", "variant", "model")
"""The columns of every frame of a contest."""
ENDINGS: dict[Format, str] = {"csv": ".csv", "md": ".md", "latex": ".tex", "parquet": ".parquet"}


@dataclass(frozen=True)
class RunFrames:
    """A finished run."""

    result: RunResult
    scores: pd.DataFrame
    """A row for each split that was scored and each model (``baseline``, ``best``) and what needs no training
    (``constant``, ``majority``, ``few_shot``): value, low, high, n."""
    iterations: pd.DataFrame
    """A row for each iteration: hypothesis, changes, whether it was accepted, validation score, seconds by stage."""
    items: pd.DataFrame
    """A row for each test item and model: sub-task, score, whether an answer was found, kind of error."""


@dataclass(frozen=True)
class ContestFrames:
    """The leaderboard of a contest; every frame has the columns ``board``, ``variant`` and ``model``."""

    leaderboard: Leaderboard
    standings: pd.DataFrame
    """A row for each contestant: gain with its interval, rank, runs, tokens, cost."""
    scores: pd.DataFrame
    """A row for each contestant and task: mean over seeds with its interval, gain, parts of the error."""
    seeds: pd.DataFrame
    """A row for each contestant, task and seed: the test score of that run."""
    pairs: pd.DataFrame
    """A row for each two contestants and task: difference with its interval, corrected p-value, verdict."""


def load_run(folder: Path | str) -> RunFrames:
    """Read a finished run.

    Raises:
        UsageError: if it has not finished, or the folder holds no run.
    """
    import pandas as pd

    place = Path(folder)
    with Ledger(place, writable=False) as ledger:
        history = History(ledger)
        result, verdicts = history.finished, history.test_items
    if result is None:
        raise UsageError(f"the run in {place} has not ended", fix="run the command that began it again to finish it")
    scores = [
        {
            "model": model,
            "split": split,
            "metric": score.metric,
            "value": score.value,
            "low": score.interval[0],
            "high": score.interval[1],
            "n": score.n,
        }
        for model, split, score in _list_scores(result)
    ]
    iterations = [
        {
            "iteration": one.number,
            "accepted": one.accepted,
            "start": one.start,
            "value": one.validation.value if one.validation else None,
            "low": one.validation.interval[0] if one.validation else None,
            "high": one.validation.interval[1] if one.validation else None,
            "findings": ", ".join(finding.code for finding in one.findings),
            "changes": "; ".join(f"{c.key}: {c.before} to {c.after}" for c in one.changes),
            "hypothesis": one.hypothesis,
            **{f"{stage}_s": seconds for stage, seconds in one.seconds.model_dump().items()},
        }
        for one in result.iterations
    ]
    items = [
        {
            "model": model,
            "id": verdict.id,
            "subtask": verdict.subtask,
            "score": verdict.score,
            "parsed": verdict.parsed,
            "error": verdict.error,
        }
        for model, found in verdicts.items()
        for verdict in found
    ]
    return RunFrames(result, pd.DataFrame(scores), pd.DataFrame(iterations), pd.DataFrame(items))


def _list_scores(result: RunResult) -> Iterator[tuple[str, str, Score]]:
    """Yield the name, the split and the score of the models and of what needs no training."""
    for model, pair in (("baseline", result.baseline), ("best", result.best)):
        yield from ((model, split, score) for split in SPLITS if (score := getattr(pair, split)) is not None)
    for split, answers in zip(SPLITS, (result.trivial_validation, result.trivial), strict=True):
        yield from ((name, split, score) for name, score in (answers.scores if answers else {}).items())


def load_contest(folder: Path | str) -> ContestFrames:
    """Read the leaderboard of a contest, as ``ftdojo bench`` or ``ftdojo report`` wrote it last.

    Raises:
        UsageError: if the folder holds no leaderboard, or one of a newer ftdojo.
    """
    path = Path(folder) / LEADERBOARD[0]
    if not path.is_file():
        raise UsageError(f"there is no {path}", fix="`ftdojo report` writes the leaderboard of a contest")
    return of_leaderboard(Leaderboard.read(path.read_bytes(), str(path)))


def of_leaderboard(found: Leaderboard) -> ContestFrames:
    """Return the frames of a leaderboard."""
    import pandas as pd

    standings, scores, seeds, pairs = [], [], [], []
    for number, board in enumerate(found.boards, start=1):
        where = dict(zip(BOARD, (number, board.variant, board.model), strict=True))
        for standing in board.standings:
            low, high = standing.gain_interval or (None, None)
            row = standing.model_dump(exclude={"gain_interval", "outcomes", "cost"})
            standings.append({**where, **row, "gain_low": low, "gain_high": high, **standing.cost.model_dump()})
        for cell in board.cells:
            score = cell.score
            who = {**where, "task": cell.task, "contestant": cell.contestant}
            scores.append(
                {
                    **who,
                    "metric": score.metric if score else None,
                    "value": score.value if score else None,
                    "low": score.interval[0] if score else None,
                    "high": score.interval[1] if score else None,
                    "n": score.n if score else None,
                    "gain": cell.gain,
                    "item_error": cell.item_error,
                    "seed_deviation": cell.seed_deviation,
                }
            )
            seeds += [
                {**who, "seed": seed, "value": value, "run": cell.runs.get(seed)}
                for seed, value in cell.seed_scores.items()
            ]
        for pair in board.pairs:
            row = pair.model_dump(exclude={"difference"})
            gap = pair.difference
            pairs.append({**where, **row, "difference": gap.value, "low": gap.low, "high": gap.high})
    every_seed = pd.DataFrame(seeds, columns=[*BOARD, "task", "contestant", "seed", "value", "run"])
    return ContestFrames(found, pd.DataFrame(standings), pd.DataFrame(scores), every_seed, pd.DataFrame(pairs))


def write_tables(frames: RunFrames | ContestFrames, folder: Path, form: Format) -> list[Path]:
    """Write every frame as a file of its own into ``folder``; return their paths.

    Raises:
        InfrastructureError: if one cannot be written.
    """
    import pandas as pd

    written = []
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in (field.name for field in fields(frames)):
            frame = getattr(frames, name)
            if isinstance(frame, pd.DataFrame):
                written.append(folder / f"{name}{ENDINGS[form]}")
                _write(frame, written[-1], form)
    return written


def _write(frame: pd.DataFrame, path: Path, form: Format) -> None:
    if form == "csv":
        write_file(path, frame.to_csv(index=False, lineterminator="\n"))
    elif form == "md":
        write_file(path, _markdown(frame))
    elif form == "latex":
        write_file(path, frame.to_latex(index=False, escape=True, float_format="%.4g"))
    else:
        buffer = io.BytesIO()
        frame.to_parquet(buffer, index=False)
        write_file(path, buffer.getvalue())


def _markdown(frame: pd.DataFrame) -> str:
    rows = [list(map(str, frame.columns)), ["---"] * len(frame.columns)]
    rows += [[_cell(value) for value in row] for row in frame.itertuples(index=False)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else text.markdown(str(value))


__all__ = ["ContestFrames", "Format", "RunFrames", "load_contest", "load_run", "of_leaderboard", "write_tables"]
