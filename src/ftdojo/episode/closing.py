"""The end of an episode: export the best model, open the sealed test once, keep the outputs for an audit."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ftdojo import digest
from ftdojo.contract.progress import Progress
from ftdojo.disk import disk_errors
from ftdojo.episode import grading
from ftdojo.episode.outcome import Outcome
from ftdojo.episode.setting import Setting
from ftdojo.episode.stages import MODEL, Stages
from ftdojo.record.history import History

SEALED = "sealed"
"""The outputs on the test items, for the owner of a finished run: its agent is gone when they are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """Everything that the end of an episode needs."""

    run: Path
    setting: Setting
    history: History
    stages: Stages
    progress: Progress

    def grade(self, best: Outcome) -> None:
        """Score base and best model on test and record it, or record why the best is disqualified."""
        if reasons := self._export(best):
            self.history.append("disqualified", {"reasons": reasons})
            return
        number = self.history.best
        self.history.append("test_opened", {"reason": "the episode has ended", "best": number})
        base = self.setting.base
        request = grading.Request(
            task=self.setting.given,
            version=self.setting.task.version,
            variant=self.setting.variant,
            home=self.setting.home.root,
            engine=self.setting.engine,
            models={"baseline": base, "best": self.run / MODEL if number else base},
            training=self._training(best) if number else None,
        )
        ruling = grading.grade(request, self.progress)
        if ruling.reasons:
            self.history.append("disqualified", {"reasons": ruling.reasons})
            return
        grades = {name: grade.model_dump(mode="json") for name, grade in ruling.grades.items()}
        self.history.append(
            "test_scored",
            {
                **{name: grade["score"] for name, grade in grades.items()},
                "items": {name: grade["items"] for name, grade in grades.items()},
                "models": {name: grade["model"] for name, grade in grades.items()},
                "outputs": self._seal({name: grade.predictions for name, grade in ruling.grades.items()}),
            },
        )

    def _export(self, best: Outcome) -> list[str]:
        """Write the best model, unless it is the base; return what is wrong with the stages that it comes from."""
        number = self.history.best
        if not number:
            return []
        recorded = self.history.iterations[number - 1].contents
        changed = [
            f"{name}: the stored stage is not the one that iteration {number} made; it was changed since"
            for name in best.reused
            if recorded.get(name) and best.contents[name] != recorded[name]
        ]
        if not changed:
            self.stages.export(best, self.run / MODEL)
        return changed

    def _training(self, best: Outcome) -> grading.Training:
        done = self.history.iterations[self.history.best - 1].feedback.training
        assert done is not None
        assert best.submission is not None
        return grading.Training(config=best.submission.train, steps=done.steps)

    def _seal(self, predictions: dict[str, Path]) -> dict[str, str]:
        """Keep the outputs that were scored with the run, for an audit; return their digests."""
        folder = self.run / SEALED
        with disk_errors(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            for name, path in predictions.items():
                shutil.copyfile(path, folder / f"{name}.jsonl")
        return {name: digest.of_file(folder / f"{name}.jsonl") for name in predictions}
