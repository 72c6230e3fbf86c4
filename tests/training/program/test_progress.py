"""The progress file of a training program: what is read of it, and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftdojo.training.program.progress import MAX_BYTES, POINTS, PROGRESS, ProgressFile


def line(step: int, steps: int = 10, loss: object = 1.0, **more: object) -> str:
    return json.dumps({"step": step, "steps": steps, "loss": loss, **more}) + "\n"


def read(folder: Path, content: str, max_steps: int | None = None) -> ProgressFile:
    (folder / PROGRESS).write_text(content)
    progress = ProgressFile(folder, max_steps=max_steps)
    progress.update()
    return progress


def test_only_whole_lines_are_read_and_each_once(tmp_path: Path) -> None:
    times = iter([5.0, 8.0, 11.0])
    progress = ProgressFile(tmp_path, max_steps=None, clock=lambda: next(times))
    assert progress.update() == []
    with (tmp_path / PROGRESS).open("w") as file:
        for text, steps in [
            (line(1) + line(2) + line(3)[:9], [1, 2]),
            (line(3)[9:] + "\n", [3]),
            (line(5), [5]),
        ]:
            file.write(text)
            file.flush()
            assert [new.step for new in progress.update()] == steps
    assert progress.pace_s == 2.0, "steps that were seen together are no measure"
    assert progress.left == 5
    assert progress.update() == []
    assert progress.fault is None


def test_a_sandbox_that_is_started_again_starts_its_progress_again(tmp_path: Path) -> None:
    progress = read(tmp_path, line(1) + line(2))
    (tmp_path / PROGRESS).unlink()
    progress.update()
    (tmp_path / PROGRESS).write_text(line(1))
    progress.update()
    assert [known.step for known in progress.lines] == [1]


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (line(1, loss=float("nan")), "loss_not_finite", "at step 1"),
        (line(1) + line(2, loss=float("inf")), "loss_not_finite", "at step 2"),
        (line(1) + line(1), "bad_progress", "step 1 after step 1"),
        (line(11), "bad_progress", "above steps"),
        (line(0), "bad_progress", "wrong at 'step'"),
        (line(1, loss="1.0"), "bad_progress", "wrong at 'loss'"),
        (line(1, tokens=-1), "bad_progress", "wrong at 'tokens'"),
        (line(1, note="x"), "bad_progress", "wrong at 'note'"),
        (line(1, learning_rate=float("nan")), "bad_progress", "wrong at 'learning_rate'"),
        (line(1, **{"\ud800\x1b": 1}), "bad_progress", "wrong at"),
        ("step 1\n", "bad_progress", "not JSON"),
        ("[" * 1500 + "\n", "bad_progress", "not JSON"),
        ("9" * 1990 + "\n", "bad_progress", ""),
        ("x" * 3000, "bad_progress", "more than 2000 bytes"),
        ("\n" * (MAX_BYTES + 1), "progress_flood", "4 MiB"),
        (line(9), "too_many_steps", "max_steps of its job was 8"),
    ],
)
def test_faults(content: str, code: str, says: str, tmp_path: Path) -> None:
    progress = read(tmp_path, content, max_steps=8)
    assert progress.fault is not None
    assert (progress.fault.code, progress.fault.fix != "") == (code, True)
    assert says in progress.fault.message
    assert progress.fault.message.encode().isascii()
    assert progress.update() == []


def test_a_long_curve_has_the_means_of_equal_intervals(tmp_path: Path) -> None:
    content = "".join(line(step, 1000, step % 2, learning_rate=0.5) for step in range(1, 1001))
    curve = read(tmp_path, content).curve()
    assert len(curve) == POINTS
    assert {point.loss for point in curve} == {0.5}
    assert (curve[0].step, curve[-1].step, curve[-1].learning_rate) == (10, 1000, 0.5)
    assert read(tmp_path, "").curve() == []
