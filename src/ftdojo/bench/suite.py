"""A suite file (TOML) says which agents play which tasks; a job is one run of it.

    name = "chemistry"
    tasks = ["chemistry/mol_und", "my-task"]    # ids, or task folders beside the suite file
    models = ["smollm2-135m"]
    agents = ["base", "random-search", {name = "qwen", agent = "ft-agent", planner = "openai:qwen3"}]
    seeds = [0, 1, 2]

    [budgets.short]
    wall = "10m"

The jobs are all combinations. A setting is a variant of the data, a model and a budget: what has another one is never
compared.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, field_validator, model_validator

from ftdojo import agents, inference, tasks
from ftdojo.contract.budget import Budget, parse_duration
from ftdojo.contract.options import Rules, RunOptions
from ftdojo.errors import InputError, UsageError
from ftdojo.findings import Finding
from ftdojo.outside import parse_command
from ftdojo.schema import StrictModel, load_file

NAME = r"^[\w][\w.-]*$"
"""Names of suites, contestants and budgets are names of folders."""


class Contestant(StrictModel):
    """An agent under the name that tables give it: one of this machine, or an outside agent (``mcp``)."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str = Field(pattern=NAME)
    """How tables name it."""
    agent: str = ""
    """An agent of ``ftdojo run``, a plug-in such as ``module:MyAgent`` among them; the name itself if left out."""
    planner: str = agents.PLAYBOOK
    """What plans for ft-agent; greedy-tree needs a model here."""
    base_url: str | None = None
    """An OpenAI-compatible server that has the planner's model."""
    probes: int = Field(0, ge=0)
    """Candidate plans of ft-agent that compete on a share of their rows before a full run."""
    mcp: str = ""
    """The command that starts an outside agent; it finds the address of its episode in ``FTDOJO_MCP_URL``."""

    @model_validator(mode="after")
    def _one_kind(self) -> Contestant:
        if self.mcp and (self.agent or self.probes or self.base_url or self.planner != agents.PLAYBOOK):
            raise ValueError(f"'{self.name}' has mcp, an agent that is another program: it takes no other key")
        return self

    @property
    def of(self) -> str:
        """The agent."""
        return self.agent or self.name

    def check(self, rules: Rules) -> None:
        """Raise a :class:`UsageError` if it names an agent, planner or command that does not exist."""
        if self.mcp:
            parse_command(self.mcp)
        else:
            agents.check(self.of, self.planner, probes=self.probes, ladder=rules.ladder)


class Limits(StrictModel):
    """The budget of one job."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    wall: str
    """Wall clock of everything before the test: 45s, 30m, 12h."""
    device: str | None = None
    """Most time that training and evaluation use the device: 45s, 30m, 12h."""
    iterations: int | None = Field(None, ge=1)
    """Most submissions."""
    tokens: int | None = Field(None, ge=1)
    """Most tokens that language models may read."""
    output_tokens: int | None = Field(None, ge=1)
    """Most tokens that language models may write."""
    cost: float | None = Field(None, ge=0)
    """Most dollars that language models may cost."""

    @field_validator("wall", "device")
    @classmethod
    def _duration(cls, text: str | None) -> str | None:
        try:
            parse_duration(text or "1s")
        except UsageError as error:
            raise ValueError(f"{error.message}: {error.fix}") from None
        return text

    @property
    def budget(self) -> Budget:
        """The same as the environment takes it."""
        return Budget(
            wall_s=parse_duration(self.wall),
            device_s=parse_duration(self.device) if self.device else None,
            submissions=self.iterations,
            input_tokens=self.tokens,
            output_tokens=self.output_tokens,
            cost_usd=self.cost,
        )


class Suite(StrictModel):
    """The whole file."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str = Field(pattern=NAME)
    """Of the contest; results go to ``runs/NAME`` if nothing else is said."""
    tasks: list[str] = Field(min_length=1)
    """Ids, or folders relative to the suite file."""
    models: list[str] = Field(min_length=1)
    """Base models: the embedded one, folders relative to the suite file, or hub ids."""
    agents: list[Contestant] = Field(min_length=1)
    """Contestants: a name, or a table with a name, an agent and its planner."""
    budgets: dict[str, Limits] = Field(min_length=1)
    """Budgets by name; each is a table of its own in the results."""
    rules: Rules = Rules()
    """The same for everybody."""
    variants: list[str] = Field(default_factory=list)
    """Data variants; each task's first one if there are none."""
    seeds: list[int] = Field([0], min_length=1)
    """Every contestant plays every task once with each."""
    retries: int = Field(1, ge=0, le=10)
    """How often a job is tried again after the machine failed. Not part of what a result depends on."""

    @field_validator("agents", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return [{"name": entry} if isinstance(entry, str) else entry for entry in value]

    @field_validator("seeds")
    @classmethod
    def _not_negative(cls, value: list[int]) -> list[int]:
        if any(seed < 0 for seed in value):
            raise ValueError("seeds are 0 or more")
        return value

    @field_validator("tasks", "models", "agents", "variants", "seeds")
    @classmethod
    def _once(cls, value: list[Any]) -> list[Any]:
        names = [entry.name if isinstance(entry, Contestant) else entry for entry in value]
        if doubled := [str(name) for name, count in Counter(names).items() if count > 1]:
            raise ValueError(f"named twice: {', '.join(doubled)}")
        return value

    @classmethod
    def load(cls, path: Path) -> Suite:
        """Read a suite file. Folders in it become absolute, so that it means the same wherever it is run from.

        Raises:
            InputError: with one finding per fault of the file.
            UsageError: if it names an agent, planner, task or variant that does not exist.
        """
        read = load_file(path, cls)
        beside = path.absolute().parent
        found = read.model_copy(
            update={name: [_absolute(entry, beside) for entry in getattr(read, name)] for name in ("tasks", "models")}
        )
        inference.identity(found.rules.engine)
        for contestant in found.agents:
            contestant.check(found.rules)
        folders = [job.folder for job in found.jobs()]
        if doubled := sorted(folder for folder, count in Counter(folders).items() if count > 1):
            raise InputError(
                [
                    Finding(
                        code="bad_value",
                        gate=0,
                        message=f"two of its jobs would use one folder, {doubled[0]}",
                        where=path.name,
                        fix="give tasks and models that differ in more than their folder",
                    )
                ]
            )
        return found

    def jobs(self) -> list[Job]:
        """All jobs, seed by seed and task by task: an unfinished suite compares everybody on some of the tasks."""
        found = []
        variants: list[str | None] = [*self.variants] or [None]
        played = [(name, *_about(name, variant)) for name in self.tasks for variant in variants]
        for (label, limits), model, seed, (task, task_id, variant), contestant in product(
            self.budgets.items(), self.models, self.seeds, played, self.agents
        ):
            setting = Setting(variant=variant, model=model, budget=label)
            found.append(Job(setting, limits, self.rules, task, task_id, contestant, seed))
        return found


@dataclass(frozen=True, slots=True)
class Setting:
    """What two results must share to be compared."""

    variant: str
    model: str
    budget: str

    def __str__(self) -> str:
        return f"{self.model}, {self.variant} data, {self.budget}"


@dataclass(frozen=True, slots=True)
class Job:
    """One run: an agent on a task with a seed, in a setting."""

    setting: Setting
    limits: Limits
    rules: Rules
    task: str
    """As ``ftdojo run`` takes it."""
    task_id: str
    contestant: Contestant
    seed: int

    @property
    def folder(self) -> str:
        """Of its record, below the suite's folder."""
        setting = f"{_slug(self.setting.model)}-{self.setting.variant}-{self.setting.budget}"
        return f"jobs/{setting}/{_slug(self.task_id)}/{self.contestant.name}/seed{self.seed}"

    @property
    def options(self) -> RunOptions:
        """The options of the run."""
        contestant = self.contestant
        own = (
            {"agent": contestant.name}
            if contestant.mcp
            else {
                "agent": contestant.of,
                **contestant.model_dump(include={"planner", "base_url", "probes"}),
            }
        )
        return RunOptions(
            task=self.task,
            model=self.setting.model,
            variant=self.setting.variant,
            seed=self.seed,
            **own,
            **self.rules.model_dump(),
            **asdict(self.limits.budget),
        )

    def command(self, out: Path) -> list[str]:
        """The arguments of ``ftdojo`` that run it, or take it up where it ended."""
        options, place = self.options, ["--out", str(out / self.folder)]
        if self.contestant.mcp:
            agent = ["--name", options.agent, "--start", self.contestant.mcp]
            return ["mcp", self.task, *options.arguments(without={"agent"}), *agent, *place]
        return ["run", self.task, *options.arguments(), *place]

    def __str__(self) -> str:
        return f"{self.task_id}, {self.contestant.name}, seed {self.seed}"


def _absolute(name: str, beside: Path) -> str:
    return str(beside / name) if (beside / name).is_dir() else name


def _about(task: str, variant: str | None) -> tuple[str, str]:
    """The id of a task, and the name of its variant."""
    name, found = tasks.get(task).variant(variant)
    return found.spec.id, name


def _slug(name: str) -> str:
    """A name as part of a folder's name; of a folder its last part."""
    last = Path(name).name if Path(name).is_absolute() else name
    return re.sub(r"[^\w.-]+", "-", last)
