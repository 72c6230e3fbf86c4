"""Run a training program in the sandbox, and watch its progress."""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from ftdojo import models, sandbox
from ftdojo.contract.row import Row
from ftdojo.contract.script import TRAIN_SCRIPT
from ftdojo.contract.task_spec import Message
from ftdojo.errors import InputError
from ftdojo.models.info import PARTS
from ftdojo.training.program.config import ProgramConfig
from ftdojo.training.program.finding import program_error
from ftdojo.training.program.progress import LINE, PROGRESS, Line, ProgressFile
from ftdojo.training.sft.tokens import Example

MIB = 2**20
PROCESSES, OPEN_FILES, SCRATCH_BYTES = 512, 1024, 1024 * MIB
OVERHEAD_BYTES = 64 * MIB
"""What a program may write besides the weights, which count in float32."""
FIXED = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "PYTHONHASHSEED": "0"}
"""Variables of a program. Without the last one, the order of a set, such as that of target modules, differs each time.
"""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
TAIL_CHARS = 1500


@dataclass(frozen=True, slots=True)
class ProgramRow:
    """One row as a training program gets it."""

    messages: tuple[Message, ...]
    subtask: str
    example: Example

    @property
    def tokens(self) -> int:
        """Number of tokens."""
        return self.example.tokens

    @property
    def label_tokens(self) -> int:
        """Number of tokens of the answer."""
        return self.example.label_tokens

    @property
    def sequences(self) -> tuple[Example, ...]:
        """The row as one sequence of tokens."""
        return (self.example,)

    def cut(self, max_length: int) -> Self:
        """Return the row with its tokens cut at their end."""
        return replace(self, example=self.example.cut(max_length))

    @classmethod
    def of(cls, row: Row, example: Example) -> Self:
        """Return a row with its tokens."""
        return cls(tuple(row.messages), row.subtask, example)

    @property
    def line(self) -> str:
        """The row as a line of ``rows.jsonl``."""
        fields = {
            "messages": self.messages,
            "subtask": self.subtask,
            "input_ids": self.example.input_ids,
            "labels": self.example.labels,
        }
        return json.dumps(fields, ensure_ascii=False) + "\n"


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that has ended by itself, or was ended by its watcher."""

    completed: sandbox.Completed
    progress: ProgressFile


def run(
    rows: Sequence[ProgramRow],
    config: ProgramConfig,
    base: Path,
    output: Path,
    *,
    wall_s: float,
    watch: Callable[[ProgressFile, Sequence[Line]], bool],
) -> Ended:
    """Run the program on ``rows``; what it writes is in the folder ``output`` afterwards.

    Args:
        rows: what it trains on.
        config: with the program.
        base: folder of the base model, which it can read.
        output: an empty folder.
        wall_s: most seconds that it may run.
        watch: called with its progress and the new lines, several times a second. If it returns true, the program is
            ended.

    Raises:
        InputError: if the program fails, exceeds a limit, or its progress has a fault.
    """
    progress = ProgressFile(output, max_steps=config.max_steps)

    def look() -> bool:
        new = progress.update()
        return watch(progress, new) or progress.fault is not None

    limits = _limits(config, base, wall_s)
    with tempfile.TemporaryDirectory(prefix="ftdojo-program-") as name:
        completed = sandbox.run(
            [
                *(sandbox.python(), "-B", f"/job/{TRAIN_SCRIPT}", "--model", "/model", "--rows", "/job/rows.jsonl"),
                *("--job", "/job/job.json", "--output", "/output"),
            ],
            read_only={
                _write(rows, config, Path(name, "job")): "/job",
                **{path: f"/model/{file}" for file, path in _model_files(base, Path(name)).items()},
            },
            writable=(output, "/output"),
            limits=limits,
            hide=sandbox.find_weights(),
            environment={**FIXED, **dict.fromkeys(THREADS, str(_processors()))},
            watch=look,
        )
    progress.update()
    if progress.fault is not None:
        raise InputError([progress.fault])
    _check_ending(completed, limits)
    if not progress.lines:
        message = f"ended and wrote no step to {PROGRESS}"
        fix = f"after each step append a line such as {LINE} to {PROGRESS} in the folder --output, and flush it"
        raise program_error("no_progress", message, fix)
    return Ended(completed, progress)


def _write(rows: Sequence[ProgramRow], config: ProgramConfig, folder: Path) -> Path:
    """Write the program and its inputs into a new folder, and return it."""
    folder.mkdir()
    (folder / TRAIN_SCRIPT).write_text(config.code, "utf-8")
    (folder / "rows.jsonl").write_text("".join(row.line for row in rows), "utf-8")
    (folder / "job.json").write_text(json.dumps(config.job), "utf-8")
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755)  # readable for the sandbox's user, whatever the caller's umask is
    return folder


def _model_files(base: Path, scratch: Path) -> dict[str, Path]:
    """Return the files of the base model by name. Each is shown by itself: some may be links to other places.

    If ftdojo is root, the program has another uid. A file that only root can read is copied to ``scratch`` for it.
    """
    found = {}
    for path in sorted(base.iterdir()):
        if path.suffix in PARTS:
            found[path.name] = path.resolve()
            if os.geteuid() == 0 and not path.stat().st_mode & stat.S_IROTH:
                found[path.name] = scratch / path.name
                shutil.copyfile(path, scratch / path.name)
                (scratch / path.name).chmod(0o444)
    return found


def _limits(config: ProgramConfig, base: Path, wall_s: float) -> sandbox.Limits:
    written = 4 * models.describe(base).parameters + OVERHEAD_BYTES
    return sandbox.Limits(
        wall_s=wall_s,
        cpu_s=wall_s * _processors(),
        memory_bytes=int(config.memory_gib * 2**30),
        processes=PROCESSES,
        open_files=OPEN_FILES,
        file_bytes=written,
        folder_bytes=written + OVERHEAD_BYTES,
        scratch_bytes=SCRATCH_BYTES,
    )


def _processors() -> int:
    return len(os.sched_getaffinity(0))


_STOPPED = {
    "wall": (
        "program_timeout",
        "ran longer than {limits.wall_s:.0f} s",
        "train fewer steps: wall_s and the run's time limit it",
    ),
    "cpu": ("program_timeout", "used more than {limits.cpu_s:.0f} s of processor time", "train fewer steps"),
    "memory": (
        "program_memory",
        "used more memory than memory_gib allows",
        "train on smaller batches or shorter rows, or raise memory_gib",
    ),
    "folder": (
        "output_too_large",
        "wrote more than {limits.folder_bytes} bytes",
        "write the weights once, and nothing else",
    ),
}


def _check_ending(completed: sandbox.Completed, limits: sandbox.Limits) -> None:
    if completed.stopped in _STOPPED:
        code, message, fix = _STOPPED[completed.stopped]
        raise program_error(code, f"{message.format(limits=limits)} and was stopped", fix)
    if completed.stopped is None and completed.status != 0:
        tail = completed.output.strip()[-TAIL_CHARS:] or "(it printed nothing)"
        raise program_error("program_failed", f"ended with status {completed.status}:\n{tail}", "fix the error")
