"""The losses of the training that is under way."""

from __future__ import annotations

from pathlib import Path

from ftdojo.files import write_file
from ftdojo.record import RunFolder
from ftdojo.ui.curve import MOST_POINTS, CurrentCurve, thin

HOSTILE = [
    "no JSON",
    "[1]",
    "null",
    '{"iteration": 1}',
    '{"iteration": 1, "step": 1e400, "train/loss": 1}',
    '{"iteration": 1, "step": 1, "train/loss": NaN}',
    '{"iteration": 1, "step": 1, "train/loss": {}}',
    '{"iteration": 1, "step": ' + "9" * 5000 + ', "train/loss": 1}',
    "[" * 100_000,
    "\x00" * 3_000_000,
]


def line(iteration: int, step: int) -> str:
    return f'{{"iteration": {iteration}, "step": {step}, "train/loss": 0.5}}\n'


def test_only_what_is_new_is_read_and_a_line_only_when_it_is_whole(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    curve = CurrentCurve(run)
    assert curve.read(1) == []
    run.metrics.write_text(line(1, 1) + line(1, 2)[:10])
    assert curve.read(1) == [(1, 0.5)]
    with run.metrics.open("a") as stream:
        stream.write(line(1, 2)[10:])
    assert curve.read(1) == [(1, 0.5), (2, 0.5)]
    assert curve.read(1) == [(1, 0.5), (2, 0.5)]
    # When an iteration ends, the file is written again from the ledger, and the next training adds to it.
    write_file(run.metrics, line(1, 1) + line(1, 2))
    assert curve.read(2) == []
    with run.metrics.open("a") as stream:
        stream.write(line(2, 1))
    assert curve.read(2) == [(1, 0.5)]


def test_what_ftdojo_did_not_write_is_passed_over(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.metrics.write_text("\n".join([*HOSTILE, line(1, 7)]))
    assert CurrentCurve(run).read(1) == [(7, 0.5)]
    run.metrics.rename(tmp_path / "elsewhere")
    run.metrics.symlink_to(tmp_path / "elsewhere")
    assert CurrentCurve(run).read(1) == []
    run.metrics.unlink()
    run.metrics.mkdir()
    assert CurrentCurve(run).read(1) == []


def test_a_long_training_keeps_a_bounded_number_of_points(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.metrics.write_text("".join(line(1, step) for step in range(5000)))
    points = CurrentCurve(run).read(1)
    assert MOST_POINTS / 2 < len(points) <= MOST_POINTS
    assert points[0][0] == 0
    assert points[-1][0] > 4900
    assert thin([(1, float("inf")), (2, 0.1)], 1) == [(2, 0.1)]
