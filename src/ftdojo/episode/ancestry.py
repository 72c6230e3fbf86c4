"""The iterations of a run as starts of later trainings: which there are, and how each was made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ftdojo.contract import submission
from ftdojo.contract.method_config import BASE, MethodConfig
from ftdojo.contract.methods import read_config
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.submission import Submission
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.gates import Starts
from ftdojo.record import RunFolder, Stage
from ftdojo.record.history import History, list_ancestors
from ftdojo.training import Earlier


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestry:
    """The finished iterations of one run."""

    iterations: Callable[[], Sequence[Iteration]]
    folder: RunFolder
    allowed: bool = True
    """Whether a training may start from one of them."""

    @classmethod
    def of(cls, history: History, folder: RunFolder, *, allowed: bool) -> Ancestry:
        """Return those of a run that goes on, as its history has them at any time."""
        return cls(iterations=lambda: history.iterations, folder=folder, allowed=allowed)

    def starts(self) -> Starts:
        """Return the iterations from which a training may start now."""
        every = self.iterations()
        kept = {i.number: self._config(i) for i in every if i.evaluated}
        for number in kept:
            if any(kept[i.number] is None for i in list_ancestors(every, number)):
                kept[number] = None
        best = max((i.number for i in every if i.accepted), default=None)
        return Starts(allowed=self.allowed, iterations=len(every), best=best, evaluated=kept)

    def resolve(self, submitted: Path) -> int | None:
        """Return the iteration from which the training of a submission would start now; ``None`` for the base model.

        ``None`` as well if the submission is faulty.
        """
        read = submission.read(submitted).submission
        return None if read is None or read.train.start == BASE else self.starts().resolve(read.train)

    def trace(self, start: int | None, make: Callable[[Iteration, Path, Stage | None], Stage]) -> dict[int, Stage]:
        """Return the trained models of iteration ``start`` and of those that it goes back to, the newest first.

        ``make`` is called with an iteration, its submission, and the model from which its training started.
        """
        found: dict[int, Stage] = {}
        for iteration in reversed(list_ancestors(self.iterations(), start)):
            stage = make(iteration, self.folder.submission(iteration.number), next(iter(found.values()), None))
            found = {iteration.number: stage, **found}
        return found

    def require_unchanged(self, stages: dict[int, Stage]) -> None:
        """Check the stored weights of iterations before a training starts from them.

        Raises:
            InputError: if they are not those that the iteration made.
        """
        for number, stage in stages.items():
            recorded = self.iterations()[number - 1].contents.get("train")
            if stage.reused and recorded and stage.content != recorded:
                message = f"the stored weights of iteration {number} were changed after it had made them"
                where, fix = f"{submission.TRAIN}: start", "set start to base"
                raise InputError([Finding(code="start_changed", gate=1, message=message, where=where, fix=fix)])

    def has_tried(self, submitted: Submission, ancestors: Iterable[int]) -> bool:
        """Return whether gates 4 and 5 have nothing to find out, as an ancestor of a training passed them.

        That is so if one of ``ancestors`` has rows of the same form and the same training of a batch, at a learning
        rate that is not lower. Its training shows that the memory suffices and that the loss stays finite, and its
        evaluation that the exported model answers in the form that it learned.
        """
        for number in ancestors:
            read = self._submission(self.iterations()[number - 1])
            if (
                read is not None
                and read.but_size == submitted.but_size
                and read.train.learning_rate >= submitted.train.learning_rate
            ):
                return True
        return False

    def config(self, number: int) -> MethodConfig:
        """Return the training configuration of an iteration from which a training may start."""
        found = self._config(self.iterations()[number - 1])
        assert found is not None, "gate 1 refuses a start whose files were changed"
        return found

    def _config(self, iteration: Iteration) -> MethodConfig | None:
        """Return the training configuration of an iteration, if its files are those that were submitted."""
        read = self._submission(iteration)
        return read.train if read else None

    def _submission(self, iteration: Iteration) -> Submission | None:
        """Return the submission of an iteration, if its files are those that were submitted."""
        folder = self.folder.submission(iteration.number)
        read = submission.read(folder).submission if folder.is_dir() else None
        return read if read and read.digest == iteration.digests.get("submission", read.digest) else None


def earlier_trainings(iterations: Sequence[Iteration], folder: RunFolder, start: int | None) -> list[Earlier]:
    """Return the trainings of iteration ``start`` and of those that it goes back to, the first of them first.

    Raises:
        InputError: if a ``train.yaml`` of the record cannot be read any more.
    """
    found = []
    for iteration in reversed(list_ancestors(iterations, start)):
        training = iteration.feedback.training
        assert training is not None, "an evaluated iteration was trained"
        config = read_config(folder.submission(iteration.number) / submission.TRAIN)
        found.append(Earlier(config, training.steps))
    return found


NO_ITERATIONS = Ancestry(iterations=list, folder=RunFolder(Path()))
"""Of stages that belong to no run."""
