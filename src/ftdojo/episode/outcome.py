"""The outcome of a submission, stage by stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftdojo.contract.feedback import DataFeedback, Feedback, TrainingFeedback
from ftdojo.contract.protocol import Decision, Iteration
from ftdojo.contract.submission import Plan, Reading, Submission
from ftdojo.episode.accounts import Costs
from ftdojo.episode.evaluation import Prediction
from ftdojo.findings import Finding
from ftdojo.record import Stage


@dataclass(kw_only=True)
class Outcome:
    """Filled stage by stage: a field is set only if its stage was done."""

    reading: Reading | None = None
    """The content of the submission's folder; ``None`` for the base model."""
    findings: list[Finding] = field(default_factory=list)
    costs: Costs = field(default_factory=Costs)
    reused: list[str] = field(default_factory=list)
    """Stages that were in the store."""
    digests: dict[str, str] = field(default_factory=dict)
    """Digests of the submission's files, and of the inputs of each stage."""
    contents: dict[str, str] = field(default_factory=dict)
    """Digests of the files of each stage."""
    ancestors: dict[int, Stage] = field(default_factory=dict)
    """The iteration from which the training starts, and those that it goes back to -> their trained models."""
    data: DataFeedback | None = None
    overlap: int = 0
    """Rows that contained evaluation items. For the record only: see :mod:`ftdojo.gates.decontamination`."""
    training: TrainingFeedback | None = None
    trained: Path | None = None
    """The trained adapter or weights."""
    predictions: list[Prediction] | None = None
    """Of the validation items in the order of their file; of a part of them if the evaluation stopped early."""

    @property
    def plan(self) -> Plan | None:
        """The plan; ``None`` if it cannot be read, and for the base model."""
        return self.reading.plan if self.reading else None

    @property
    def submission(self) -> Submission | None:
        """The submission; ``None`` if it is faulty, and for the base model."""
        return self.reading.submission if self.reading else None

    @property
    def start(self) -> int | None:
        """The iteration from which the training starts; ``None`` for the base model."""
        return next(iter(self.ancestors), None)

    @property
    def predicted(self) -> list[Prediction]:
        """The predictions of an outcome that must have them."""
        if self.predictions is None:
            raise ValueError(f"nothing was predicted: {self.findings}")
        return self.predictions

    def as_iteration(self, number: int, feedback: Feedback, decision: Decision | None) -> Iteration:
        """Return the iteration with this outcome, feedback and decision."""
        return Iteration(
            number=number,
            digests=self.digests,
            contents=self.contents,
            start=self.start,
            plan=self.plan,
            feedback=feedback,
            decision=decision,
        )

    def add(self, name: str, stage: Stage, *, account: str = "") -> None:
        """Add a finished stage: its warnings, costs and identity. It is charged as ``account``, by default its name."""
        warnings: list[dict[str, Any]] = stage.facts.get("warnings", [])
        self.findings += [Finding.model_validate(warning) for warning in warnings]
        self.costs.add(account or name, stage)
        self.digests[name] = stage.digest
        self.contents[name] = stage.content
        if stage.reused:
            self.reused.append(name)
