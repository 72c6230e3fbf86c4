"""The interface between the environment and a training method: what a trainer does, and what it guarantees.

Gates, episode and audit use a method only through this class. A method is a subclass of :class:`Trainer` with a model
of its ``train.yaml``. A package registers it under the method's name in the entry-point group ``ftdojo.trainers``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self, TypedDict, TypeVar

from ftdojo.contract.feedback import RewardPoint, RolloutPoint
from ftdojo.contract.method_config import MethodConfig
from ftdojo.contract.methods import find_trainer
from ftdojo.contract.row import Row, parse_row
from ftdojo.findings import Finding
from ftdojo.models.resident import Resident
from ftdojo.tasks.spec import Task

if TYPE_CHECKING:
    import torch

OnLog = Callable[[dict[str, float]], None]
"""Called with ``step``, ``steps``, ``loss``, ``grad_norm``, ``learning_rate`` and ``tokens_per_s``; by a training on
preferences also with the fields of :class:`RewardPoint` under the names below, and by one on rewards with the fields of
:class:`RolloutPoint`."""
REWARD_MARGIN, REWARD_ACCURACY, REFERENCE_DRIFT = "reward_margin", "reward_accuracy", "reference_drift"

Scores = Callable[[Sequence[dict[str, Any]], Sequence[str]], list[dict[str, Any]]]
"""Scores outputs as answers to items: one verdict each, with ``score`` in the metric's own unit, ``parsed``, and
``error``, which is ``None`` if the output is right, and begins with ``unscorable`` if the scorer failed on it."""


@dataclass(frozen=True, slots=True)
class Grading:
    """The task of a training, for methods that learn from its scorer."""

    task: Task
    open: Callable[[], AbstractContextManager[Scores]]
    """Starts the scorer. Items and outputs may come from strangers, so it runs within limits, and never raises for
    them."""


class TokenizedRow(Protocol):
    """One row in the form that the trainer reads. Trainers may add further fields."""

    @property
    def tokens(self) -> int:
        """Number of tokens that pass through the model."""

    @property
    def label_tokens(self) -> int:
        """Number of tokens with a label."""


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
    """Rows with no label token left."""


C = TypeVar("C", bound=MethodConfig)
E = TypeVar("E", bound=TokenizedRow)


@dataclass(frozen=True, slots=True)
class Tokenized(Generic[E]):
    """All rows that have something to learn, and token statistics of all rows."""

    examples: list[E]
    statistics: TokenStatistics


@dataclass(frozen=True, slots=True)
class Point:
    """One logged interval of steps; ``loss`` is its mean, in nats per label token, or per pair of a preference."""

    step: int
    loss: float
    grad_norm: float
    learning_rate: float


@dataclass(frozen=True, slots=True)
class Step:
    """One optimizer step: the tokens that it trained on, without padding, and its duration."""

    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Earlier:
    """A finished training from whose weights a later one started."""

    config: MethodConfig
    steps: int
    """Its optimizer steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """Result of a training."""

    steps: int
    epochs: float
    tokens: int
    """Tokens trained on, without padding; a common prefix counts once for every row that has it."""
    seconds: float
    """Duration of the steps only, without loading, saving and evaluation."""
    steady_tokens_per_s: float
    """Tokens per second, without the first step, which also allocates buffers and compiles kernels."""
    step_times: list[Step]
    peak_memory_bytes: int
    curve: list[Point]
    """At least one point."""
    eval_curve: list[tuple[int, float]]
    """Step and loss on the held-out rows, in the unit of ``curve``."""
    rewards: list[RewardPoint] = field(default_factory=list)
    """At the steps of ``curve``, if the training is one on preferences."""
    rollouts: list[RolloutPoint] = field(default_factory=list)
    """At the steps of ``curve``, if the training is one on rewards."""
    compute: str
    stopped: Finding | None
    """If the training was stopped before its end: a warning with the reason."""


class TrainOptions(TypedDict, total=False):
    """The options of a training that borrows the network: those of :meth:`Trainer.train`, which says what they are."""

    on_log: OnLog | None
    time_left_s: float | None
    stop_after: int | None
    start: Path | None
    resident: Resident | None
    """Lends the network; without it the network is loaded, and freed at the end."""


class Trainer(ABC, Generic[C, E]):
    """A training method, or several with one configuration model. It has no state and is made without arguments.
    Where rows are read or trained on, it is bound to their task (:meth:`bind`).

    A trainer guarantees four properties.

    - **Determinism.** The same arguments of :meth:`train` give the same files on the same machine. The seed comes from
      the configuration. A stored model is found by the digest of rows, configuration, base model, compute and
      :attr:`version`, so nothing else may change the result.
    - **Resume.** Nothing of a killed training is used; it begins again from the start. With ``stop_after``, a
      training that ran out of time after that step is repeated and gives the same files.
    - **Honest forecasts.** :meth:`memory` and :meth:`forecast_s` do not forecast less than the training takes: a
      submission that passes them is charged for what it really takes.
    - **Lineage.** :meth:`lineage_faults` detects a model that this training cannot have made from the base model. A
      model with a fault is not graded.

    Importing its module must not import torch: rows, checks and schemas are needed where nothing is trained. Faults are
    raised as an ``InputError`` with findings that have no gate number; the calling gate adds its own.
    """

    config: ClassVar[type[MethodConfig]]
    """The pydantic model of ``train.yaml``. It names the methods and their facts."""
    version: ClassVar[str] = ""
    """Version of the code that determines the result; a change means new trainings. Empty for ftdojo's own trainers."""
    row_form: ClassVar[str] = ""
    """A name for the form of its rows and for their checks. Empty for the default pairs with the default checks, which
    methods share. It is required if the trainer overrides ``parse_row``, ``check_rows`` or ``inapplicable``."""
    row_help: ClassVar[str] = "write prompt/completion, instruction/input/output or messages"
    """The fix shown for a row of another form."""
    borrows: ClassVar[bool] = False
    """Whether :meth:`train`, :meth:`forecast_s` and :meth:`try_rewards` take the argument ``resident``, too. It lends
    them the network of the base model (:class:`ftdojo.models.resident.Resident`), so that they need not load it. What
    they return and write is the same without."""
    inapplicable: ClassVar[frozenset[str]] = frozenset()
    """Codes of the gates' findings that do not apply to its rows or its loss, e.g. ``not_reproduced``."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = [n for n in ("parse_row", "check_rows", "inapplicable") if getattr(cls, n) != getattr(Trainer, n)]
        if own and not cls.row_form:  # otherwise rows checked for another method would be reused from the store
            raise TypeError(f"{cls.__name__} has its own {own[0]}, so it needs a row_form")

    def bind(self, grading: Grading) -> Self:
        """Return the trainer of one task. Only a method that needs the task overrides it."""
        return self

    @property
    def task_key(self) -> dict[str, Any]:
        """What a training depends on because it is bound to a task, as JSON values."""
        return {}

    # -- rows ----------------------------------------------------------------------------------------------------

    def parse_row(self, row: Mapping[str, Any]) -> Row:
        """Parse one row that a data program wrote. The gates check ``prompt`` and ``completion`` of the result. Only
        its ``texts`` are compared with the evaluation items.

        Raises:
            ValueError: if the row is invalid; the message says why.
        """
        return parse_row(row)

    def check_config(self, config: C, base: Path) -> Iterator[Finding]:
        """Check a configuration on a base model, without rows."""
        yield from ()

    def check_start(self, config: C, earlier: MethodConfig) -> Iterator[Finding]:
        """Check that a training can start from the weights that ``earlier`` has trained: they have the same form.

        Only a method whose facts say that it ``continues`` is asked.
        """
        yield from ()

    def check_rows(self, rows: Sequence[Row]) -> Iterator[Finding]:
        """Run additional checks for this form of rows, after those for all rows."""
        yield from ()

    def check_tokens(self, tokenized: Tokenized[E], config: C) -> Iterator[Finding]:
        """Run additional checks of the tokens."""
        yield from ()

    @abstractmethod
    def tokenize(self, rows: Sequence[Row], base: Path, *, max_length: int) -> Tokenized[E]:
        """Tokenize rows for the model in ``base``, in their order; rows with nothing to learn are omitted.

        Raises:
            InputError: if a row cannot be rendered (``bad_template``).
        """

    def try_rewards(
        self, examples: Sequence[E], config: C, base: Path, start: Path | None, *, resident: Resident | None = None
    ) -> Iterator[Finding]:
        """Run the checks that need answers of the model, before the training. Only a method with rewards has some."""
        yield from ()

    # -- forecasts -----------------------------------------------------------------------------------------------

    @abstractmethod
    def memory(self, config: C, base: Path, examples: Sequence[E] = ()) -> float:
        """Estimate the peak memory of a training here, in bytes, over all its processes that share one memory.

        Without examples: the part that does not depend on them. Examples longer than ``max_length`` are cut.
        """

    def shrink(self, config: C, base: Path, examples: Sequence[E], available: float) -> C | None:
        """Return the nearest configuration whose :meth:`memory` is at most ``available`` bytes, or ``None``."""
        return None

    def limit_time(self, config: C, time_left_s: float) -> C:
        """Return the configuration with its own limit of time, if the method has one, cut to what is left."""
        return config

    @abstractmethod
    def forecast_s(self, examples: Sequence[E], config: C, base: Path) -> float:
        """Forecast the seconds that :meth:`train` will take, from a few real steps.

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
        start: Path | None = None,
    ) -> TrainResult:
        """Train the model in ``base`` and write the trained weights to the folder ``out``.

        Args:
            examples: at least one, each with something to learn.
            config: how to train.
            base: folder of the base model.
            out: folder to write to; :meth:`export` reads it.
            on_log: called after every logged interval of steps. An exception that it raises ends the training.
            time_left_s: most seconds that the training may take. When they are over, usable weights are kept, and
                ``stopped`` of the result has the code ``out_of_time``.
            stop_after: the step after which the time was over, to repeat a training that ran out of time.
            start: the folder that an earlier training has written, to start from its weights. Given only to a method
                that ``continues``, after :meth:`check_start`. What is written is still relative to ``base``.

        Raises:
            InputError: if the training gives no usable weights, e.g. ``loss_not_finite``, ``out_of_memory``.
        """

    def trial(self, config: C, *, rows: int, steps: int) -> C:
        """Return a trial configuration: ``steps`` steps on one batch of ``rows`` rows, at the configured rate."""
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
        """Write the whole trained model to ``out`` as plain transformers can load it: safetensors, tokenizer, chat
        template and generation settings. ``trained`` is the folder that :meth:`train` wrote."""

    def changed_tensors(self, base: Path, trained: Path) -> Mapping[str, torch.Tensor] | None:
        """Return the tensors in which the trained model differs from ``base``, with the values that :meth:`export`
        writes, by their names in the files of ``base``. Each is computed when it is asked for.

        So a trained model answers without being exported. ``None``: it has to be exported.
        """
        return None

    @abstractmethod
    def lineage_faults(
        self, base: Path, model: Path, config: C, steps: int, *, earlier: Sequence[Earlier] = ()
    ) -> list[str]:
        """Return the reasons why ``steps`` optimizer steps from ``base`` cannot have given the exported ``model``.

        Empty if they can. ``model`` may come from a stranger: no code of its folder may run. ``earlier`` are the
        trainings between ``base`` and this one, the first of them first; given only to a method that ``continues``.
        """

    # -- for callers ---------------------------------------------------------------------------------------------

    def applicable(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Return the findings that apply to this method."""
        return (finding for finding in findings if finding.code not in self.inapplicable)


def trainer_of(config: MethodConfig, grading: Grading | None = None) -> Trainer[Any, Any]:
    """Return the trainer of the method that a configuration names, bound to a task if one is given.

    Raises:
        UsageError: if there is no such method.
        PrerequisiteError: if its plug-in cannot be imported.
    """
    made: Trainer[Any, Any] = find_trainer(config.method)()
    return made if grading is None else made.bind(grading)


def lineage_faults(base: Path, model: Path, last: Earlier, earlier: Sequence[Earlier]) -> list[str]:
    """Return the reasons why these trainings, one after the other, cannot have given the exported ``model``.

    ``earlier`` are those before the ``last`` one, the first of them first. See :meth:`Trainer.lineage_faults`.
    """
    trainer = trainer_of(last.config)
    if not earlier:
        return trainer.lineage_faults(base, model, last.config, last.steps)
    if not last.config.facts.continues:
        return [f"method {last.config.method} cannot start from the weights of another training"]
    chain = [*earlier, last]
    found = [f.message for a, b in pairwise(chain) for f in trainer_of(b.config).check_start(b.config, a.config)]
    return found or trainer.lineage_faults(base, model, last.config, last.steps, earlier=earlier)


def start_argument(start: Path | None) -> dict[str, Any]:
    """Return the argument ``start`` of :meth:`Trainer.train` if there is one: only a method that continues takes it."""
    return {"start": start} if start is not None else {}


def resident_argument(trainer: Trainer[Any, Any], resident: Resident | None) -> dict[str, Any]:
    """Return the argument ``resident`` for a trainer that borrows the network. Another one loads its own, so the memory
    is freed for it."""
    if resident is None:
        return {}
    if trainer.borrows:
        return {"resident": resident}
    resident.release()
    return {}


def rows_key(trainer: Trainer[Any, Any]) -> dict[str, Any]:
    """Return what checked rows depend on besides their program, the data and the task, as JSON values."""
    return {"row_form": [trainer.row_form, trainer.version]} if trainer.row_form else {}


def model_key(trainer: Trainer[Any, Any], config: MethodConfig) -> dict[str, Any]:
    """Return what a trained model depends on besides its rows, the weights that it starts from and the machine.

    JSON values. ``start`` is not among them: a number means something in one run only.
    """
    settings = config.model_dump(mode="json", exclude={"start"})
    return {"config": settings, **({"trainer": trainer.version} if trainer.version else {}), **trainer.task_key}
