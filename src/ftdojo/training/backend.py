"""The seam between the environment and a training method: what a trainer does, and what it must keep.

Gates, episode and audit know a method by this class alone. A method is a subclass of :class:`Trainer` with a model of
its ``train.yaml``. A package registers it under the method's name in the entry-point group ``ftdojo.trainers``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from ftdojo.contract.method_config import MethodConfig
from ftdojo.contract.methods import find_trainer
from ftdojo.contract.row import Row, parse_row
from ftdojo.findings import Finding

OnLog = Callable[[dict[str, float]], None]
"""Called with ``step``, ``steps``, ``loss``, ``grad_norm``, ``learning_rate`` and ``tokens_per_s``."""


class TokenizedRow(Protocol):
    """One row as the trainer takes it. What else it holds is the trainer's own business."""

    @property
    def tokens(self) -> int:
        """How many tokens pass through the model."""

    @property
    def label_tokens(self) -> int:
        """How many tokens are learned."""


@dataclass(frozen=True, slots=True)
class TokenStatistics:
    """Token counts over all rows, after truncation."""

    rows: int
    tokens: int
    label_tokens: int
    row_p50: int
    row_p95: int
    row_max: int
    label_p50: int
    label_p95: int
    label_max: int
    truncated: int
    """Rows that were longer than ``max_length`` and lost their end."""
    unlabelled: int
    """Rows of which nothing is left to learn."""


C = TypeVar("C", bound=MethodConfig)
E = TypeVar("E", bound=TokenizedRow)


@dataclass(frozen=True, slots=True)
class Tokenized(Generic[E]):
    """All rows that have something to learn, and what was counted over all of them."""

    examples: list[E]
    statistics: TokenStatistics


@dataclass(frozen=True, slots=True)
class Point:
    """One logged stretch of steps; ``loss`` is its mean, in nats a label token."""

    step: int
    loss: float
    grad_norm: float
    learning_rate: float


@dataclass(frozen=True, slots=True)
class Step:
    """One optimizer step: the tokens that it trained on, padding not counted, and how long it took."""

    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What a training did."""

    steps: int
    epochs: float
    tokens: int
    """Tokens trained on; padding is not counted, a common prefix once for every row that has it."""
    seconds: float
    """Of the steps alone, without loading, saving and measuring."""
    steady_tokens_per_s: float
    """Tokens trained on a second, without the first step, which also makes buffers and kernels."""
    step_times: list[Step]
    peak_memory_bytes: int
    curve: list[Point]
    """At least one point."""
    eval_curve: list[tuple[int, float]]
    """Step and loss on the held-out rows, in nats a label token."""
    compute: str
    stopped: Finding | None
    """Why it was stopped before its end, if it was: a warning."""


class Trainer(ABC, Generic[C, E]):
    """A training method, or several with one form of configuration. It has no state: it is made without arguments.

    A trainer keeps four promises.

    - **Determinism.** The same arguments of :meth:`train` give the same files on the same machine. The seed is the
      configuration's. A stored model is found by the digest of rows, configuration, base model, compute and
      :attr:`version`, so nothing else may change the result.
    - **Resume.** A killed training leaves nothing that counts; it is begun again from the start. With ``stop_after`` it
      repeats a training that the clock ended after that step, to the same files.
    - **Honest forecasts.** :meth:`memory` and :meth:`forecast_s` do not promise less than the training takes: a
      submission that they let through is charged for what it really takes.
    - **Lineage.** :meth:`lineage_faults` finds a model that this training cannot have made of the base model. A model
      with a fault is not graded.

    Importing its module must not import torch: rows, checks and schemas are needed where nothing is trained. Faults are
    raised as an ``InputError`` with findings that have no gate number; the gate that calls adds its own.
    """

    config: ClassVar[type[MethodConfig]]
    """The model that reads ``train.yaml``. It names the methods and their facts."""
    version: ClassVar[str] = ""
    """Of the code that decides the result; another version trains anew. Empty for trainers that come with ftdojo."""
    row_form: ClassVar[str] = ""
    """A name for the form of its rows and for their checks. Empty for the usual pairs with the usual checks, which
    methods share. It is needed as soon as ``parse_row``, ``check_rows`` or ``inapplicable`` is its own."""
    row_help: ClassVar[str] = "write prompt/completion, instruction/input/output or messages"
    """What to do about a row of another form."""
    inapplicable: ClassVar[frozenset[str]] = frozenset()
    """Codes of the gates' findings that mean nothing for its rows or its loss, e.g. ``not_reproduced``."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = [n for n in ("parse_row", "check_rows", "inapplicable") if getattr(cls, n) != getattr(Trainer, n)]
        if own and not cls.row_form:  # else rows that were checked for another method would be taken from the store
            raise TypeError(f"{cls.__name__} has its own {own[0]}, so it needs a row_form")

    # -- rows ----------------------------------------------------------------------------------------------------

    def parse_row(self, row: Mapping[str, Any]) -> Row:
        """One row that a data program wrote.

        ``prompt`` and ``completion`` of the result are what the gates judge. ``texts`` is all that is compared with the
        evaluation items.

        Raises:
            ValueError: saying what is wrong with the row.
        """
        return parse_row(row)

    def check_config(self, config: C, base: Path) -> Iterator[Finding]:
        """What can be known of a configuration on a base model without rows."""
        yield from ()

    def check_rows(self, rows: Sequence[Row]) -> Iterator[Finding]:
        """Checks of the form's own, after those that all rows pass."""
        yield from ()

    def check_tokens(self, tokenized: Tokenized[E], config: C) -> Iterator[Finding]:
        """The same for tokens."""
        yield from ()

    @abstractmethod
    def tokenize(self, rows: Sequence[Row], base: Path, *, max_length: int) -> Tokenized[E]:
        """Examples for the model in ``base``, in the order of the rows; rows with nothing to learn are left out.

        Raises:
            InputError: if a row cannot be rendered (``bad_template``).
        """

    # -- forecasts -----------------------------------------------------------------------------------------------

    @abstractmethod
    def memory(self, config: C, base: Path, examples: Sequence[E] = ()) -> float:
        """Peak bytes of a training here, by estimate, for all its processes that share one memory.

        Before rows are known, the part that does not depend on them. Examples longer than ``max_length`` are cut.
        """

    def shrink(self, config: C, base: Path, examples: Sequence[E], available: float) -> C | None:
        """The nearest configuration whose :meth:`memory` is at most ``available`` bytes; ``None`` if none is known."""
        return None

    @abstractmethod
    def forecast_s(self, examples: Sequence[E], config: C, base: Path) -> float:
        """Seconds that :meth:`train` will take, from a few real steps.

        Raises:
            InputError: if these steps fail, as in :meth:`train`.
        """

    # -- training ------------------------------------------------------------------------------------------------

    @abstractmethod
    def train(
        self,
        examples: Sequence[E],
        config: C,
        base: Path,
        out: Path,
        *,
        on_log: OnLog | None = None,
        time_left_s: float | None = None,
        stop_after: int | None = None,
    ) -> TrainResult:
        """Train the model in ``base`` and write what was trained to the folder ``out``.

        Args:
            examples: at least one, each with something to learn.
            config: how to train.
            base: folder of the base model.
            out: folder to write to; :meth:`export` reads it.
            on_log: called at every logged stretch of steps. What it raises ends the training.
            time_left_s: seconds that it may take. When they are up, what is worth keeping is kept, and ``stopped`` of
                the result has the code ``out_of_time``.
            stop_after: the step after which they were up, to repeat a training that the clock ended.

        Raises:
            InputError: if nothing that is worth keeping comes of it, e.g. ``loss_not_finite``, ``out_of_memory``.
        """

    def trial(self, config: C, *, rows: int, steps: int) -> C:
        """The configuration of a trial: ``steps`` steps on one batch of ``rows`` rows, at the configured rate."""
        return config.model_copy(
            update={
                "devices": 1,
                "epochs": steps,
                "max_steps": steps,
                "batch_size": max(config.batch_size, rows),
                "gradient_accumulation": 1,
                "schedule": "constant",
                "warmup_ratio": 0.3,
                "eval_fraction": 0.0,
                "patience": None,
            }
        )

    # -- the trained model ---------------------------------------------------------------------------------------

    @abstractmethod
    def export(self, base: Path, trained: Path, out: Path) -> None:
        """Write the whole trained model to ``out``, as plain transformers can load it: safetensors, tokenizer, chat
        template and generation settings. ``trained`` is what :meth:`train` wrote."""

    @abstractmethod
    def lineage_faults(self, base: Path, model: Path, config: C, steps: int) -> list[str]:
        """Why the exported ``model`` cannot have come from ``base`` by a training of ``steps`` optimizer steps.

        Empty if it can. ``model`` may come from a stranger: no code of its folder may run.
        """

    # -- for callers ---------------------------------------------------------------------------------------------

    def applicable(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """The findings that mean something for this method."""
        return (finding for finding in findings if finding.code not in self.inapplicable)


def trainer_of(config: MethodConfig) -> Trainer[Any, Any]:
    """The trainer of the method that a configuration names.

    Raises:
        UsageError: if there is none.
        PrerequisiteError: if its plug-in cannot be imported.
    """
    made: Trainer[Any, Any] = find_trainer(config.method)()
    return made


def rows_key(trainer: Trainer[Any, Any]) -> dict[str, Any]:
    """What checked rows depend on besides their program, the data and the task, as JSON values."""
    return {"row_form": [trainer.row_form, trainer.version]} if trainer.row_form else {}


def model_key(trainer: Trainer[Any, Any], config: MethodConfig) -> dict[str, Any]:
    """What a trained model depends on besides its rows, its base model and the machine, as JSON values."""
    return {"config": config.model_dump(mode="json"), **({"trainer": trainer.version} if trainer.version else {})}
