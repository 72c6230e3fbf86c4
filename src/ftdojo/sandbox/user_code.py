"""Run a task's untrusted program, such as a user's ``scorer.py``, in the sandbox: the runner that tasks require."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.sandbox.limits import Limits
from ftdojo.sandbox.outputs import read_output
from ftdojo.sandbox.runner import run
from ftdojo.sandbox.view import python

LIMITS = Limits(wall_s=300)
NAME = "scores.jsonl"


def run_user_code(program: Path, inputs: Path, output: Path) -> None:
    """Run ``python main.py INPUTS OUTPUT`` in the folder ``program``: a :class:`ftdojo.tasks.external.CodeRunner`.

    Raises:
        InputError: if it fails or is stopped; the finding contains the end of its output.
    """
    with tempfile.TemporaryDirectory(prefix="ftdojo-scores-") as folder:
        done = run(
            [python(), "-B", "main.py", "/inputs.jsonl", f"/output/{NAME}"],
            read_only={program: "/program", inputs: "/inputs.jsonl"},
            writable=(Path(folder), "/output"),
            limits=LIMITS,
            cwd="/program",
        )
        if done.status != 0 or done.stopped:
            why = f"was stopped ({done.stopped})" if done.stopped else f"ended with status {done.status}"
            finding = Finding(
                code="scorer_failed",
                gate=0,
                message=f"the program {why}: {done.output.strip()[-800:]}",
                where=program.name,
                fix="fix the error: score(item, output) must return a number from 0 to 1 for any output",
            )
            raise InputError([finding])
        output.write_bytes(read_output(Path(folder), NAME, LIMITS.file_bytes))
