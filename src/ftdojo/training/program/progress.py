"""The progress file of a training program, read while the program writes it. Its content is hostile.

One JSON object a line: ``step`` and ``steps`` (optimizer steps done, and of the whole training) and ``loss``; optional
are ``tokens`` (trained on so far), ``learning_rate`` and ``grad_norm``.
"""

from __future__ import annotations

import json
import math
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.training.backend import Point
from ftdojo.training.program.finding import program_error

PROGRESS = "progress.jsonl"
LINE = '{"step": 1, "steps": 120, "loss": 2.31}'
MAX_BYTES, MAX_LINE_BYTES = 4 * 2**20, 2000
"""Of the whole file, and of a line."""
POINTS = 100
"""About the most points of a curve."""


class Line(BaseModel):
    """One line of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    step: int = Field(ge=1, le=10**9)
    steps: int = Field(ge=1, le=10**9)
    loss: float
    tokens: int = Field(0, ge=0, le=10**15)
    learning_rate: FiniteFloat = Field(0.0, ge=0)
    grad_norm: FiniteFloat = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _within_its_steps(self) -> Line:
        if self.step > self.steps:
            raise ValueError("step is above steps")
        return self


class ProgressFile:
    """The progress of one program. ``clock`` returns seconds."""

    def __init__(self, folder: Path, *, max_steps: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.lines: list[Line] = []
        self.fault: Finding | None = None
        """The first thing that is wrong with it."""
        self.begun: tuple[int, float] | None = None
        """The last step of the first lines that were seen, and when."""
        self.last_s = 0.0
        """When the last line was seen."""
        self._path, self._max_steps, self._clock = folder / PROGRESS, max_steps, clock
        self._read_bytes, self._rest = 0, b""

    @property
    def pace_s(self) -> float:
        """Seconds a step, from the first step that was seen to the last one; 0 if no time was seen to pass."""
        if self.begun is None or self.lines[-1].step == self.begun[0]:
            return 0.0
        return self.watched_s / (self.lines[-1].step - self.begun[0])

    @property
    def watched_s(self) -> float:
        """Seconds from the first step that was seen to the last one."""
        return self.last_s - self.begun[1] if self.begun else 0.0

    @property
    def left(self) -> int:
        """Steps from the last one that was seen to the end; there is one."""
        return self.lines[-1].steps - self.lines[-1].step

    def update(self) -> list[Line]:
        """Read what was written since the last call; return the new lines. Nothing more is read after a fault."""
        if self.fault is not None:
            return []
        known = len(self.lines)
        try:
            for text in self._new_lines():
                self._add(text)
        except InputError as error:
            self.fault = error.findings[0]
        new = self.lines[known:]
        if new:
            self.last_s = self._clock()
            self.begun = self.begun or (new[-1].step, self.last_s)
        return new

    def curve(self) -> list[Point]:
        """Return the losses, as means of at most :data:`POINTS` intervals of equally many lines."""
        size = math.ceil(len(self.lines) / POINTS)
        parts = [self.lines[i : i + size] for i in range(0, len(self.lines), size)] if size else []
        return [
            Point(part[-1].step, fmean(line.loss for line in part), part[-1].grad_norm, part[-1].learning_rate)
            for part in parts
        ]

    def _new_lines(self) -> list[bytes]:
        """Return the whole lines that were added to the file."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:  # not written yet; or the sandbox was started again
            self.lines, self.begun, self._read_bytes, self._rest = [], None, 0, b""
            return []
        except OSError:
            raise _bad("is not a regular file that can be read") from None
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _bad("is not a regular file that can be read")
            if os.fstat(descriptor).st_size > MAX_BYTES:
                raise program_error(
                    "progress_flood",
                    f"wrote more than {MAX_BYTES // 2**20} MiB of progress",
                    "write one short line for each step, or for every tenth",
                )
            added = os.pread(descriptor, MAX_BYTES, self._read_bytes)
        finally:
            os.close(descriptor)
        self._read_bytes += len(added)
        *whole, self._rest = (self._rest + added).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            whole.append(self._rest)
        return whole

    def _add(self, text: bytes) -> None:
        if not text.strip():
            return
        if len(text) > MAX_LINE_BYTES:
            raise _bad(f"has a line of more than {MAX_LINE_BYTES} bytes")
        try:
            line = Line.model_validate(json.loads(text))
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))[:60]
            raise _bad(f"has a line that is wrong at {key!r}: {first['msg']}") from None
        except (ValueError, RecursionError):
            raise _bad("has a line that is not JSON") from None
        if not math.isfinite(line.loss):
            message = f"the loss is not finite at step {line.step}"
            raise program_error("loss_not_finite", message, "lower its learning rate, or scale down large gradients")
        if self.lines and line.step <= self.lines[-1].step:
            raise _bad(f"has step {line.step} after step {self.lines[-1].step}")
        if self._max_steps is not None and line.step > self._max_steps:
            raise program_error(
                "too_many_steps",
                f"took step {line.step}, but max_steps of its job was {self._max_steps}",
                "end the training after max_steps of the job: the trial of gate 4 sets it too",
            )
        self.lines.append(line)


def _bad(message: str) -> InputError:
    return program_error("bad_progress", f"{PROGRESS} {message}", f"append lines such as {LINE}, with rising steps")
