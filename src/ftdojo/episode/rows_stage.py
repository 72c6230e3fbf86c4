"""The training rows of a submission: gate 2, and the rows that it lets through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ftdojo.contract.progress import Progress
from ftdojo.contract.submission import Submission
from ftdojo.data.overlap import VERSION as OVERLAP_VERSION
from ftdojo.episode.rows import ROWS, WRITTEN, write_rows
from ftdojo.episode.setting import Setting
from ftdojo.gates import Gates, dump_findings
from ftdojo.gates.data_program import asks
from ftdojo.gateway import Access
from ftdojo.inference.own_model import OwnModel
from ftdojo.plain import plural
from ftdojo.record import Stage, Store
from ftdojo.training import rows_key


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsStage:
    """Makes training rows from the data of one setting."""

    setting: Setting
    gates: Gates
    store: Store
    progress: Progress
    llm: Access | None
    """The models that data programs may ask, if any."""

    def make(
        self,
        admitted: Submission,
        *,
        share: float,
        start: OwnModel | None = None,
        left_s: Callable[[], float | None] = lambda: None,
    ) -> Stage:
        """The stage of a submission's rows, or of the first share of them: found in the store, or made.

        ``start`` is the iteration's model that the program asks, if it asks one. ``left_s`` returns the seconds that
        the program may take from now on; ``None`` for no other limit than its own.

        Raises:
            InputError: if gate 2 fails.
        """
        program, task, data = admitted.program, self.setting.task, self.setting.data
        trainer = self.gates.trainer(admitted.train)
        limit = task.spec.rules.max_rows
        if share < 1:
            limit = max(1, int(share * (limit if isinstance(program, str) else min(limit, program.max_rows))))
        llm = self.llm if asks(program) else None
        key = {
            "program": program if isinstance(program, str) else program.key,
            "limit": limit,
            "task": [task.spec.id, task.version],
            **{name: data.digests[name] for name in ("raw", "validation", "test")},
            **(llm.key if llm else {}),
            **({"start": start.model} if start else {}),
            **rows_key(trainer),
            "overlap": OVERLAP_VERSION,
        }

        def build(folder: Path) -> dict[str, Any]:
            made = self.gates.make_rows(program, limit, trainer, start=start, left_s=left_s)
            write_rows(made.clean, folder / ROWS)
            if made.overlap:
                write_rows(made.written, folder / WRITTEN)
            return {
                "report": asdict(made.report),
                "overlap": made.overlap,
                "warnings": dump_findings(made.warnings),
            }

        self.progress.update("data", 0, 1, "running the data program in the sandbox")
        stage = self.store.make("rows", key, build)
        if not stage.reused:
            self.progress.end("data", plural(stage.facts["report"]["rows"], "row"))
        return stage
