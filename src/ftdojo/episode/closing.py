"""The end of an episode: export the best model, open the sealed test once, keep the outputs for an audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ftdojo import digest
from ftdojo.contract.call import Call
from ftdojo.contract.progress import Progress
from ftdojo.disk import disk_errors
from ftdojo.episode import grading
from ftdojo.episode.accounts import Accounts
from ftdojo.episode.ancestry import earlier_trainings
from ftdojo.episode.examples import write_examples
from ftdojo.episode.outcome import Outcome
from ftdojo.episode.setting import Setting
from ftdojo.files import make_private, write_file
from ftdojo.record import RunFolder, events
from ftdojo.record.history import History, list_judge_calls
from ftdojo.training import Earlier, trainer_of


def record_stop(history: History, accounts: Accounts, *, by_owner: bool, outlook: str, progress: Progress) -> None:
    """Record that the agent proposes nothing more, stop its clock, and say why.

    Args:
        history: of the run.
        accounts: of the run; the time since the last event is charged.
        by_owner: whether the owner of the run has asked for its end.
        outlook: what the agent would try next.
        progress: of the run.
    """
    over, left_s = accounts.over, accounts.remaining().get("wall_s", 0.0)
    charge = accounts.charge()
    stopped = events.AgentStopped(out_of_budget=over, by_owner=by_owner, outlook=outlook, charge=charge)
    history.append(stopped)
    accounts.stop_clock()
    progress.say(f"no further submission: {stopped.reason}" + (f", {left_s:.0f} s left" if left_s > 0 else ""))


@dataclass(frozen=True, slots=True)
class Closing:
    """Ends an episode: exports the best model and scores it on test."""

    folder: RunFolder
    setting: Setting
    history: History
    record: Callable[[Call], None]
    """Records and charges the calls to the judge of the task."""
    progress: Progress

    def grade(self, best: Outcome) -> None:
        """Score base and best model on test and record it, or record why the best is disqualified."""
        self.setting.resident.release()  # export and grading load networks of their own
        if reasons := self._export(best):
            self.history.append(events.RunDisqualified(reasons=reasons))
            return
        number = self.history.best
        self.history.append(events.TestOpened(reason="the episode has ended", best=number))
        base = self.setting.base
        request = grading.Request(
            options=self.setting.options,
            version=self.setting.task.version,
            home=self.setting.home.root,
            models={"baseline": base, "best": self.folder.model if number else base},
            training=self._training(best) if number else None,
            judged=list_judge_calls(self.history),
        )
        ruling = grading.grade(request, self.progress, self.record)
        if ruling.reasons:
            self.history.append(events.RunDisqualified(reasons=ruling.reasons))
            return
        grades = ruling.grades
        outputs = self._seal({name: grade.predictions for name, grade in grades.items()})
        self.history.append(
            events.TestScored(
                baseline=grades["baseline"].score,
                best=grades["best"].score,
                items={name: grade.items for name, grade in grades.items()},
                models={name: grade.model for name, grade in grades.items()},
                outputs=outputs,
                trivial=ruling.trivial,
                to_trivial=ruling.to_trivial,
                trivial_items=ruling.trivial_items,
                examples=write_examples(self.folder.examples, ruling.examples),
                classes=ruling.classes,
            )
        )

    def _export(self, best: Outcome) -> list[str]:
        """Write the best model, unless it is the base; return the faults of the stages that it comes from."""
        number = self.history.best
        if not number:
            return []
        used = [(number, name, best.contents[name]) for name in best.reused]
        used += [(earlier, "train", stage.content) for earlier, stage in best.ancestors.items() if stage.reused]
        changed = [
            f"{name}: the stored stage is not the one that iteration {made} made; it was changed afterwards"
            for made, name, content in used
            if (recorded := self.history.iterations[made - 1].contents.get(name)) and content != recorded
        ]
        if not changed:
            assert best.submission is not None
            assert best.trained is not None
            trainer_of(best.submission.train).export(self.setting.base, best.trained, self.folder.model)
        return changed

    def _training(self, best: Outcome) -> grading.Training:
        done = self.history.iterations[self.history.best - 1].feedback.training
        assert done is not None
        assert best.submission is not None
        earlier = earlier_trainings(self.history.iterations, self.folder, best.start)
        return grading.Training.of(Earlier(best.submission.train, done.steps), earlier)

    def _seal(self, predictions: dict[str, Path]) -> dict[str, str]:
        """Keep the outputs that were scored with the run, for an audit; return their digests."""
        sealed = {name: self.folder.sealed_outputs(name) for name in predictions}
        with disk_errors(self.folder.sealed):
            make_private(self.folder.sealed)
            for name, path in predictions.items():
                write_file(sealed[name], path.read_bytes())
        return {name: digest.of_file(path) for name, path in sealed.items()}
