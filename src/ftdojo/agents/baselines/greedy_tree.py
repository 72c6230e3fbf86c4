"""``greedy-tree``: a general coding agent's search, as in AIDE (Jiang et al. 2025, arXiv 2502.13138).

Solutions form a tree. The first few are drafts; after that, either a failed solution is repaired, or the best one is
improved. A language model writes every solution in full, from its parent's files and their results.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from ftdojo.agents.ft_agent import context, program
from ftdojo.agents.setup import Abilities, AgentSetup
from ftdojo.contract.protocol import Iteration, Observation, highest
from ftdojo.contract.script import SCRIPT
from ftdojo.contract.submission import PLAN, TRAIN, Plan
from ftdojo.contract.train_config import TrainConfig
from ftdojo.disk import disk_errors
from ftdojo.errors import LlmError
from ftdojo.files import write_file
from ftdojo.llm import Blocks, Client, Prompt, quoted

DRAFTS = 5
REPAIR_SHARE = 0.5
REPAIR_DEPTH = 3
"""AIDE's own settings: drafts, how often a failed leaf is chosen, and how many repairs may follow each other."""
SHOWN_FILE = 4000
SHOWN_FINDINGS = 1200
SHOWN_EARLIER = 10

Step = Literal["draft", "repair", "improve"]

SYSTEM = f"""{program.SYSTEM}
You also write {TRAIN}, the training configuration. Its keys, with their defaults:
{yaml.safe_dump(TrainConfig().model_dump(mode="json"), sort_keys=False)}"""
WANTED = {
    "draft": "Write a first solution, simple and different from the earlier ones.",
    "repair": "Repair the solution below: it failed.",
    "improve": "Improve the solution below by one change whose effect can be measured.",
}
USER = """{task}

Raw files:
{raw}

First rows:
{rows}

Base model: {baseline}
Earlier solutions:
{earlier}

{parent}{wanted} Write {script} and {train}."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """How to make the next solution: a step, and the iteration that it starts from (``None`` for a draft)."""

    step: Step
    parent: Iteration | None


class GreedyTree:
    """Drafts, repairs and improves solutions; greedy on the validation score.

    Allowed to know: the task's specification, the first raw rows, its own solutions, their scores, and the findings
    that stopped them. Not: the gates before it submits, the other levels of feedback, error samples, significance.
    It stops when the model returns no program.
    """

    name = "greedy-tree"
    abilities = Abilities(llm_planner=True)

    def __init__(self, client: Client, workspace: Path) -> None:
        self._client, self._workspace = client, workspace

    @classmethod
    def create(cls, setup: AgentSetup) -> GreedyTree:
        """See :class:`ftdojo.agents.setup.AgentClass`."""
        return cls(setup.client(), setup.workspace)

    @property
    def planner(self) -> str:
        """The model's name."""
        return self._client.model

    def propose(self, observation: Observation) -> Path | None:
        """Propose the next solution; ``None`` if the model returns none."""
        choice = choose(observation)
        before = _files(choice, observation)
        form = Blocks({SCRIPT: "python", TRAIN: "yaml"}, needed=SCRIPT)
        prompt = Prompt(purpose=choice.step, system=SYSTEM, user=_format_prompt(choice, before, observation))
        try:
            files = self._client.ask(prompt, form)
        except LlmError:
            return None
        plan = Plan(
            parent=choice.parent.number if choice.parent else 0,
            hypothesis=WANTED[choice.step],
            evidence=[choice.parent.verdict] if choice.parent else [],
            focus="both",
            changes=[],
            by=self.name,
        )
        files = {TRAIN: before.get(TRAIN, ""), **files, PLAN: yaml.safe_dump(plan.model_dump(mode="json"))}
        folder = self._workspace / f"{len(observation.history) + 1:03d}"
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in files.items():
                write_file(folder / name, content)
        return folder


def choose(observation: Observation) -> NextStep:
    """Choose the next step; it depends only on the history and the seed."""
    history = observation.history
    if sum(_parent(i) == 0 for i in history) < DRAFTS:
        return NextStep("draft", None)
    rng = random.Random(f"{observation.seed} {len(history)}")  # noqa: S311 - a seeded choice
    parents = {_parent(i) for i in history}
    failed = [i for i in history if i.score is None and i.number not in parents and _depth(i, history) <= REPAIR_DEPTH]
    if failed and rng.random() < REPAIR_SHARE:
        return NextStep("repair", rng.choice(failed))
    best = highest(history, observation.task)
    return NextStep("improve", best) if best else NextStep("draft", None)


def _parent(iteration: Iteration) -> int:
    return iteration.plan.parent if iteration.plan else 0


def _depth(iteration: Iteration, history: Sequence[Iteration]) -> int:
    """The number of failed solutions in a row, including this one."""
    depth, at = 0, iteration
    while at.score is None:
        depth += 1
        if not _parent(at):
            break
        at = history[_parent(at) - 1]
    return depth


def _files(choice: NextStep, observation: Observation) -> dict[str, str]:
    """The parent's files."""
    if choice.parent is None:
        return {}
    folder = observation.submissions[choice.parent.number]
    paths = (folder / name for name in (SCRIPT, TRAIN))
    return {path.name: path.read_text("utf-8", errors="replace") for path in paths if path.is_file()}


def _format_prompt(choice: NextStep, before: dict[str, str], observation: Observation) -> str:
    files = observation.raw_data.files[: program.SHOWN_ROWS]
    return USER.format(
        task=context.task(observation),
        raw=context.raw_data(observation),
        rows="\n".join(f"{f.path}: {quoted(f.samples[0], program.SHOWN_ROW)}" for f in files if f.samples),
        baseline=observation.baseline.score,
        earlier="\n".join(f"{i.number}: {_describe_outcome(i)}" for i in observation.history[-SHOWN_EARLIER:])
        or "none",
        parent=_describe_parent(choice.parent, before) if choice.parent else "",
        wanted=WANTED[choice.step],
        script=SCRIPT,
        train=TRAIN,
    )


def _describe_outcome(iteration: Iteration) -> str:
    return str(iteration.score) if iteration.score else f"failed, {iteration.verdict[:120]}"


def _describe_parent(parent: Iteration, before: dict[str, str]) -> str:
    files = "".join(f"{name}:\n```\n{content[:SHOWN_FILE]}\n```\n" for name, content in before.items())
    errors = [f for f in parent.feedback.execution.findings if f.severity == "error"]
    problems = "\n".join(f"{f.code} at {f.where}: {f.message}; {f.fix}" for f in errors)[:SHOWN_FINDINGS]
    return f"Solution {parent.number} ({_describe_outcome(parent)}):\n{files}{problems}\n"
