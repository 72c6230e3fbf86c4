"""The options of a run, declared once: the command line, suites, the environment, grading and exports read them here.

The docstring of a field is its help text. :class:`Flag` gives the command-line spelling of a field where it differs.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from ftdojo.contract.budget import Budget, parse_typed_duration
from ftdojo.contract.methods import require_methods
from ftdojo.contract.prompts import load_prompts, read_templates
from ftdojo.errors import UsageError
from ftdojo.schema import StrictModel, is_recorded, read_regular

MAX_PRECHECKS = 200
"""More than an agent needs that repairs its submissions, and few enough that answers do not add up to a search."""


@dataclass(frozen=True, slots=True)
class Flag:
    """How the command line spells an option."""

    name: str
    """With a slash between the flag that turns an option on and the one that turns it off, if there is one."""
    metavar: str | None = None
    duration: bool = False
    """Whether the command line takes a duration such as ``30m``, where the field has seconds."""


def _seconds(value: Any) -> Any:
    """Read a duration; seconds, as suites and Python code give them, stay as they are."""
    return parse_typed_duration(value) if isinstance(value, str) else value


Thinking = Literal["off", "on", "auto"]
THINKING_TOKENS = 2048
Teachers = Literal["none", "self", "listed"]
"""The language models that data programs may call: none, the run's own base model, or those that its owner names."""


def require_allowed(rule: Teachers | None, models: Collection[str]) -> None:
    """Check that a rule on teachers agrees with the models that are named for data programs.

    Raises:
        UsageError: if the rule allows none of them, or if it allows those that are named and there are none.
    """
    if models and rule in ("none", "self"):
        raise UsageError(
            f"--teachers {rule} allows no model of --data-llm, and no other one of a replayed run",
            fix="write --teachers listed, or name no model",
        )
    if rule == "listed" and not models:
        raise UsageError("--teachers listed names no model", fix="add --data-llm NAME=PROVIDER:MODEL")


TEMPLATES = ("chatml", "plain")
"""The chat templates that ftdojo has for models without one."""
MAX_TEMPLATE_BYTES = 2**20


def _template(value: Any, info: ValidationInfo) -> Any:
    """Return the text of a chat template that is given as a file, so that the options are complete without it."""
    if not isinstance(value, str) or value in TEMPLATES or "{{" in value:
        return value
    if is_recorded(info):
        raise ValueError("is no template")
    try:
        text = read_regular(Path(value), MAX_TEMPLATE_BYTES, links=True).decode("utf-8")
        if "{{" in text:
            return text
    except (OSError, ValueError) as error:
        raise ValueError(f"the template cannot be read: {error}") from None
    raise ValueError(f"{value} is no template: give {' or '.join(TEMPLATES)}, or a file in Jinja with {{{{ … }}}}")


def _prompts(value: Any, info: ValidationInfo) -> Any:
    """Return the content of a prompts file, so that the options are complete without it."""
    if isinstance(value, str) and is_recorded(info):
        read_templates(value)
        return value
    return load_prompts(value)


_JUDGE = r"^[\w-]+:[^@\s]+(@https?://\S+)?$"


Seconds = Annotated[float | None, BeforeValidator(_seconds)]
"""Seconds, also read from a duration such as ``30m``; ``None`` is no limit."""


class Prompting(StrictModel):
    """The options that concern the prompts of the base model."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    thinking: Thinking = "off"
    """Whether a model that can reason before its answers does so: off, on (then only what follows the reasoning
    counts), or auto (as its chat template has it). No effect on other models."""
    thinking_tokens: int = Field(THINKING_TOKENS, ge=0)
    """Maximum number of tokens for reasoning, in addition to the task's limit for answers, if thinking is on."""
    chat_template: Annotated[str | None, BeforeValidator(_template), Flag("--chat-template", "FILE")] = None
    """Chat template in place of the model's own: chatml or plain, for a model that has none, or a Jinja file."""
    prompts: Annotated[str | None, BeforeValidator(_prompts), Flag("--prompts", "FILE")] = Field(
        None, exclude_if=lambda prompts: prompts is None
    )
    """Prompts in place of the task's own: a YAML or JSON file with a Jinja template over the fields of an item for each
    sub-task, or one named `default`."""


GUARD_MARGIN = 5.0
"""How many points of the range of its metric a guard task may lose."""


def _split(value: Any) -> Any:
    """Read names that are separated by commas, as in ``--guard a,b``."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        return value
    return tuple(part for name in names for part in name.split(",") if part)


class Guarding(Prompting):
    """The options about what a trained model must not forget."""

    guard: Annotated[tuple[str, ...], BeforeValidator(_split), Flag("--guard", metavar="TASK[,TASK…]")] = ()
    """Tasks that a trained model must not forget: ids or task folders. A submission that is better is accepted only if
    it is not worse than the base model on each of them, by the margin. Up to 100 validation items of each are asked."""
    guard_margin: float = Field(GUARD_MARGIN, ge=0)
    """How much worse a model may be on a guard task, in points: the range of the task's metric is 100 points."""

    @model_validator(mode="after")
    def _margin_has_tasks(self) -> Self:
        """Refuse a margin that would have no effect."""
        if self.guard_margin != GUARD_MARGIN and not self.guard:
            raise UsageError(
                "--guard-margin (guard_margin) has no effect without guard tasks",
                fix="name them with --guard TASK (guard in a suite), or leave the margin out",
            )
        return self


class Allowing(Guarding):
    """Which trainings submissions may ask for."""

    methods: Annotated[tuple[str, ...], Flag("--method", metavar="METHOD")] = ()
    """A training method that submissions may use, in place of those of the task; repeat the option for further ones.
    With `program` they may bring training code of their own."""

    @field_validator("methods")
    @classmethod
    def _methods_exist(cls, methods: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(require_methods(methods))


class Judging(Allowing):
    """Who judges outputs."""

    judge: Annotated[str | None, Flag("--judge", metavar="PROVIDER:MODEL")] = Field(
        None, pattern=_JUDGE, exclude_if=lambda judge: judge is None
    )
    """The language model that judges outputs if the scorer of the task is judge, e.g. openai:gpt-5.2 or
    openai:qwen3@URL. It then sees questions, right answers and outputs of validation and of the sealed test."""


class Rules(Judging):
    """The options that are the same for all contestants of a contest."""

    ladder: bool = False
    """Show validation scores to the agent only for submissions that were accepted."""
    warm_start: Annotated[bool, Flag("--warm-start/--no-warm-start")] = True
    """Allow trainings that start from an evaluated iteration instead of the base model: `start` in train.yaml."""
    engine: str = "transformers"
    """Engine that generates answers in evaluation: transformers, vllm (on GPUs), or a plug-in such as module:ENGINE."""
    data_llm: Annotated[tuple[str, ...], Flag("--data-llm", metavar="NAME=PROVIDER:MODEL")] = ()
    """A language model that data programs may call, e.g. weak=openai:gpt-5-mini or weak=openai:qwen3@URL; repeat the
    option for further models. Data programs then send raw data to that model."""
    teachers: Teachers | None = None
    """Which language models data programs may call: none, self (the base model alone, served on this machine under the
    name `self`), or listed (those of --data-llm). If not given: listed with --data-llm, otherwise none."""
    llm_concurrency: int = Field(8, ge=1)
    """Maximum number of concurrent calls of a data program."""
    prechecks: Annotated[int, Flag("--max-prechecks")] = Field(MAX_PRECHECKS, ge=0)
    """Maximum number of submissions that an agent may check with the first gates without submitting them."""
    sequential: Annotated[bool, Flag("--sequential")] = False
    """Let a submission answer the validation items in parts, and reject it without the rest as soon as it is clear that
    it will not be shown to be better. What is accepted has answered all items. For validation sets of many items: small
    parts take longer an item."""

    @model_validator(mode="after")
    def _teachers_agree(self) -> Self:
        require_allowed(self.teachers, self.data_llm)
        return self


class RunOptions(Rules):
    """Every option of one run. The folder of the record is not an option: a run may be copied."""

    task: str
    """A task id (see `ftdojo tasks`) or a task folder."""
    model: str = "smollm2-135m"
    """Base model: smollm2-135m (embedded), a local folder, or a hub id such as org/name."""
    agent: str = "ft-agent"
    """The contestant: ft-agent, base, single-shot, random-search, tpe, greedy-tree, or a plug-in such as
    module:MyAgent."""
    planner: str | None = None
    """Planner of the agent: PROVIDER:MODEL such as openai:gpt-5.2, or playbook (no language model). If not given, the
    agent plans in its own way."""
    base_url: str | None = None
    """An OpenAI-compatible server for the models named openai:… (vLLM, Ollama …)."""
    replay: Path | None = None
    """Replay the recorded responses of language models of this run; no language model is called."""
    variant: Annotated[str | None, Flag("--data")] = None
    """Data variant; the task's first one if not given."""
    wall_s: Annotated[Seconds, Flag("--budget", duration=True)] = 1800.0
    """Limit of the wall-clock time of the submissions, e.g. 45s, 30m or 12h. The base model is measured before this
    time begins, and the test is scored after it."""
    device_s: Annotated[Seconds, Flag("--max-device-time", duration=True)] = None
    """Limit of the time that training and evaluation use the device, e.g. 45s, 30m or 12h."""
    submissions: Annotated[int | None, Flag("--max-iterations")] = Field(None, ge=1)
    """Maximum number of submissions."""
    input_tokens: Annotated[int | None, Flag("--max-tokens")] = Field(None, ge=1)
    """Maximum number of tokens that language models may read."""
    output_tokens: Annotated[int | None, Flag("--max-output-tokens")] = Field(None, ge=1)
    """Maximum number of tokens that language models may write."""
    cost_usd: Annotated[float | None, Flag("--max-cost")] = Field(None, ge=0)
    """Maximum cost of language models in US dollars."""
    probes: int = Field(0, ge=0)
    """Candidate plans that compete on a share of their rows before a full run."""
    seed: int = Field(0, ge=0)
    """Seed of every random choice."""

    @property
    def reasoning_tokens(self) -> int:
        """The tokens that an answer may have for reasoning, besides those of the task's limit."""
        return self.thinking_tokens if self.thinking == "on" else 0

    @property
    def judge_place(self) -> tuple[str, str | None]:
        """The name of the judge, blank if there is none, and the address of its server, if it has one of its own."""
        name, _, address = (self.judge or "").partition("@")
        return name, address or (self.base_url if name.startswith("openai:") else None)

    @property
    def budget(self) -> Budget:
        """The limits of the agent's part."""
        return Budget(**{account.name: getattr(self, account.name) for account in fields(Budget)})

    def arguments(self, *, without: Collection[str] = ()) -> list[str]:
        """Return the command-line arguments for these options. The task, and options at their default, are left out.

        Args:
            without: fields that the command takes in another way.
        """
        given: list[str] = []
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if name in {"task", *without} or value == field.default:
                continue
            if value is None:
                raise ValueError(f"no command-line argument sets {name} to None")
            flag = flag_of(name)
            for one in value if isinstance(value, tuple) else (value,):
                text = duration_text(one) if flag.duration else str(one)
                on, _, off = flag.name.partition("/")
                given += [on if one else off] if isinstance(one, bool) else [flag.name, text]
        return given


def flag_of(name: str) -> Flag:
    """Return the command-line spelling of a field of :class:`RunOptions`."""
    found = next((m for m in RunOptions.model_fields[name].metadata if isinstance(m, Flag)), None)
    return found or Flag("--" + name.replace("_", "-"))


def duration_text(seconds: float) -> str:
    """Return a duration that :func:`~ftdojo.contract.budget.parse_duration` reads as exactly these seconds."""
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size:.0f}{unit}"
    return f"{Decimal(repr(float(seconds))).normalize():f}s"
