"""How far a submission got, stage by stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftdojo.contract.feedback import DataFeedback, TrainingFeedback
from ftdojo.contract.submission import Plan, Submission
from ftdojo.episode.accounts import Costs
from ftdojo.episode.evaluation import Prediction
from ftdojo.findings import Finding
from ftdojo.record import Stage


@dataclass(kw_only=True)
class Outcome:
    """Filled stage by stage; whatever is there was really done."""

    plan: Plan | None = None
    """``None`` if it cannot be read, and for the base model."""
    submission: Submission | None = None
    """``None`` if it is faulty, and for the base model."""
    findings: list[Finding] = field(default_factory=list)
    costs: Costs = field(default_factory=Costs)
    reused: list[str] = field(default_factory=list)
    """Stages that were in the store."""
    digests: dict[str, str] = field(default_factory=dict)
    """Of the submission's files and, by what they were made from, of the stages."""
    contents: dict[str, str] = field(default_factory=dict)
    """Of the stages' own files."""
    data: DataFeedback | None = None
    overlap: int = 0
    """Rows that contained evaluation items. For the record alone: see :mod:`ftdojo.gates.decontamination`."""
    training: TrainingFeedback | None = None
    trained: Path | None = None
    """The trained adapter or weights."""
    predictions: list[Prediction] | None = None

    @property
    def predicted(self) -> list[Prediction]:
        """The predictions of an outcome that is known to have them."""
        if self.predictions is None:
            raise ValueError(f"nothing was predicted: {self.findings}")
        return self.predictions

    def add(self, name: str, stage: Stage) -> None:
        """Take over a finished stage: its warnings, costs and identity."""
        warnings: list[dict[str, Any]] = stage.facts.get("warnings", [])
        self.findings += [Finding.model_validate(warning) for warning in warnings]
        self.costs.add(name, stage)
        self.digests[name] = stage.digest
        self.contents[name] = stage.content
        if stage.reused:
            self.reused.append(name)
