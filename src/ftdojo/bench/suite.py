"""A suite file (TOML) says which agents play which tasks; a job is one run of it.

    name = "chemistry"
    tasks = ["chemistry/mol_und", "my-task"]    # ids, or folders relative to the suite file
    models = ["smollm2-135m"]
    agents = ["base", "random-search", {name = "qwen", agent = "ft-agent", planner = "openai:qwen3"}]
    seeds = [0, 1, 2]

    [budgets.short]
    wall = "10m"

The jobs are all combinations. A setting is a variant of the data, a model and a budget; results of different settings
are never compared.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
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
from ftdojo.llm import require_address
from ftdojo.outside import parse_command
from ftdojo.schema import StrictModel, load_file

NAME = r"^[\w][\w.-]*$"
"""Names of suites, contestants and budgets are names of folders."""
UNTRAINED = ("constant", "few-shot")
"""Contestants of every suite: see :mod:`ftdojo.bench.untrained`."""


class Contestant(StrictModel):
    """An agent under the name that tables use: one of this installation, or an outside agent (``mcp``)."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str = Field(pattern=NAME)
    """Its name in tables."""
    agent: str = ""
    """An agent of ``ftdojo run``, or a plug-in such as ``module:MyAgent``; the name itself if left out."""
    planner: str = agents.PLAYBOOK
    """The planner of ft-agent; greedy-tree needs a model here."""
    base_url: str | None = None
    """An OpenAI-compatible server that has the planner's model."""
    probes: int = Field(0, ge=0)
    """Candidate plans of ft-agent that compete on a share of their rows before a full run."""
    mcp: str = ""
    """The command that starts an outside agent. The address of its episode is in ``FTDOJO_MCP_URL``."""

    @model_validator(mode="after")
    def _one_kind(self) -> Contestant:
        if self.mcp and (self.agent or self.probes or self.base_url or self.planner != agents.PLAYBOOK):
            raise ValueError(f"'{self.name}' has mcp, so the agent is another program: it takes no other key")
        return self

    @property
    def agent_name(self) -> str:
        """The agent's name for ``ftdojo run``."""
        return self.agent or self.name

    def check(self, rules: Rules) -> None:
        """Raise a :class:`UsageError` if it names an agent, planner or command that does not exist."""
        if self.mcp:
            parse_command(self.mcp)
        else:
            agents.check(self.agent_name, self.planner, probes=self.probes, ladder=rules.ladder)


class Limits(StrictModel):
    """The budget of one job."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    wall: str
    """Limit of the wall-clock time of the submissions, e.g. 45s, 30m or 12h. The base model is measured before this
    time begins, and the test is scored after it."""
    device: str | None = None
    """Limit of the time that training and evaluation use the device, e.g. 45s, 30m or 12h."""
    iterations: int | None = Field(None, ge=1)
    """Maximum number of submissions."""
    tokens: int | None = Field(None, ge=1)
    """Maximum number of tokens that language models may read."""
    output_tokens: int | None = Field(None, ge=1)
    """Maximum number of tokens that language models may write."""
    cost: float | None = Field(None, ge=0)
    """Maximum cost of language models in US dollars."""

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
        """The same limits in the form that the environment uses."""
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
    """Name of the contest; results go to ``runs/NAME`` by default."""
    tasks: list[str] = Field(min_length=1)
    """Ids, or folders relative to the suite file."""
    models: list[str] = Field(min_length=1)
    """Base models: the embedded one, folders relative to the suite file, or hub ids."""
    agents: list[Contestant] = Field(min_length=1)
    """Contestants: a name, or a table with a name, an agent and its planner."""
    budgets: dict[str, Limits] = Field(min_length=1)
    """Budgets by name; each has its own table in the results."""
    rules: Rules = Rules()
    """Rules that are the same for all contestants."""
    variants: list[str] = Field(default_factory=list)
    """Data variants; if left out, the first one of each task."""
    seeds: list[int] = Field([0], min_length=1)
    """Every contestant runs every task once with each seed."""
    retries: int = Field(1, ge=0, le=10)
    """How often a job is tried again after the machine failed. Results do not depend on it."""

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
            raise ValueError("seeds must be 0 or more")
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
        """Read a suite file. Folders in it become absolute, so that it means the same in every working folder.

        Raises:
            InputError: with one finding per fault of the file.
            UsageError: if it names an agent, planner, task or variant that does not exist, or an address with a
                password or a query, which would be recorded and passed to the processes of jobs.
        """
        read = load_file(path, cls)
        parent = path.absolute().parent
        found = read.model_copy(
            update={
                name: [_make_absolute(entry, parent) for entry in getattr(read, name)] for name in ("tasks", "models")
            }
        )
        guard = tuple(_make_absolute(name, parent) for name in read.rules.guard)
        found = found.model_copy(update={"rules": read.rules.model_copy(update={"guard": guard})})
        for name in guard:
            _resolve_task(name, None)
        for address in [c.base_url for c in found.agents if c.base_url] + find_addresses(
            [*found.rules.data_llm, found.rules.judge or ""]
        ):
            require_address(address)
        inference.identity(found.rules.engine)
        for contestant in found.agents:
            if contestant.name in UNTRAINED:
                message, fix = (
                    f"'{contestant.name}' is in every contest already",
                    "leave it out, or give it another name",
                )
                raise InputError([Finding(code="bad_value", gate=0, message=message, where=path.name, fix=fix)])
            contestant.check(found.rules)
        folders = [job.folder for job in found.jobs()]
        if doubled := sorted(folder for folder, count in Counter(folders).items() if count > 1):
            raise InputError(
                [
                    Finding(
                        code="bad_value",
                        gate=0,
                        message=f"two of its jobs would use the same folder, {doubled[0]}",
                        where=path.name,
                        fix="use tasks and models that differ in more than their folder",
                    )
                ]
            )
        return found

    def jobs(self) -> list[Job]:
        """All jobs, seed by seed and task by task: an unfinished suite compares all contestants on some tasks."""
        found = []
        variants: list[str | None] = [*self.variants] or [None]
        played = [(name, *_resolve_task(name, variant)) for name in self.tasks for variant in variants]
        for (label, limits), model, seed, (task, task_id, variant), contestant in product(
            self.budgets.items(), self.models, self.seeds, played, self.agents
        ):
            setting = Setting(variant=variant, model=model, budget=label)
            found.append(Job(setting, limits, self.rules, task, task_id, contestant, seed))
        return found


@dataclass(frozen=True, slots=True)
class Setting:
    """The conditions that two results must share to be compared."""

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
    """The task as an argument of ``ftdojo run``."""
    task_id: str
    contestant: Contestant
    seed: int

    @property
    def folder(self) -> str:
        """The folder of its record, relative to the suite's folder."""
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
                "agent": contestant.agent_name,
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
        """Return the arguments of ``ftdojo`` that run or resume it."""
        options, place = self.options, ["--out", str(out / self.folder)]
        if self.contestant.mcp:
            agent = ["--name", options.agent, "--start", self.contestant.mcp]
            return ["mcp", self.task, *options.arguments(without={"agent"}), *agent, *place]
        return ["run", self.task, *options.arguments(), *place]

    def __str__(self) -> str:
        return f"{self.task_id}, {self.contestant.name}, seed {self.seed}"


def find_addresses(pools: Sequence[str]) -> list[str]:
    """The addresses in ``NAME=PROVIDER:MODEL@URL`` and in ``PROVIDER:MODEL@URL``."""
    return [f"http{rest}" for pool in pools for _, found, rest in [pool.partition("@http")] if found]


def _make_absolute(name: str, parent: Path) -> str:
    return str(parent / name) if (parent / name).is_dir() else name


def _resolve_task(task: str, variant: str | None) -> tuple[str, str]:
    """Return the id of a task, and the name of its variant."""
    name, found = tasks.get(task).variant(variant)
    return found.spec.id, name


def _slug(name: str) -> str:
    """Return a name as part of a folder name; for a folder, its last part."""
    last = Path(name).name if Path(name).is_absolute() else name
    return re.sub(r"[^\w.-]+", "-", last)
