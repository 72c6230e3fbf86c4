"""The loss of the training that is under way, from ``metrics.jsonl``, which grows with it."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from typing import Any

from ftdojo.record import RunFolder

Points = list[tuple[int, float]]
"""Optimizer steps with their losses."""

MOST_POINTS = 600
"""Points that are kept; of more, every second one is dropped."""
BYTES = 2**20
"""Bytes that are read at once; a longer line is passed over."""


def thin(points: Sequence[tuple[int, float]], most: int) -> Points:
    """Return at most ``most`` points, as far from each other as possible; values that are no numbers are left out."""
    finite = [(step, value) for step, value in points if math.isfinite(value)]
    every = -(-len(finite) // most) if finite else 1
    return finite[::every]


class CurrentCurve:
    """Reads what is new in the file of a run."""

    def __init__(self, run: RunFolder) -> None:
        self._path = run.metrics
        self._file = self._offset = self._iteration = 0
        self.points: Points = []

    def read(self, iteration: int) -> Points:
        """Return the points of an iteration that has not ended."""
        if iteration != self._iteration:
            self.points, self._iteration = [], iteration
        try:
            stream = open(self._path, "rb", opener=_open_plain)  # noqa: SIM115 - only with this opener
        except OSError:  # there is none yet, or it is no file
            return self.points
        with stream:
            about = os.fstat(stream.fileno())
            if about.st_ino != self._file or about.st_size < self._offset:  # written again from the ledger
                self._file, self._offset, self.points = about.st_ino, 0, []
            while self._offset < about.st_size:
                stream.seek(self._offset)
                chunk = stream.read(BYTES)
                complete = chunk.rfind(b"\n") + 1
                if not complete and len(chunk) < BYTES:  # a line that is being written
                    break
                self._offset += complete or len(chunk)
                self._take(chunk[:complete].splitlines())
        return self.points

    def _take(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            try:
                values: Any = json.loads(line)
                point = int(values["step"]), float(values["train/loss"])
                ours = values["iteration"] == self._iteration
            except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
                continue  # numbers of another kind, or a line that ftdojo did not write
            if ours and math.isfinite(point[1]):
                self.points.append(point)
        if len(self.points) > MOST_POINTS:
            self.points = thin(self.points, MOST_POINTS)


def _open_plain(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
