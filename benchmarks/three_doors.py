"""Two contestants of `three-doors.toml` that are not part of ftdojo: a class, and a program that plays over MCP.

    PATH=$PWD/.venv/bin:$PATH PYTHONPATH=$PWD/benchmarks:$PWD/examples ftdojo bench benchmarks/three-doors.toml

Each trains once on all raw files, rendered as the bare answer where the task suggests that form, on as many rows as fit
into the budget by the measured speed. `python -m three_doors` is the program: ftdojo has started it, and the address of
its episode is in the environment.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml
from mcp import Client

from ftdojo import Observation
from ftdojo.agents import AgentSetup
from mcp_client import call

ROWS = 240
EVALUATIONS, SHARE = 2, 0.3
"""The time of so many evaluations is not for training, and of the rest this share is: gates forecast with a reserve."""
USUAL = {"method": "lora", "batch_size": 4, "gradient_accumulation": 2, "max_length": 1024}
BY_CLASS = {**USUAL, "learning_rate": 0.001, "epochs": 1}
BY_PROGRAM = {**USUAL, "learning_rate": 0.0005, "epochs": 2}


def choose(renderings: Sequence[Any], name: Callable[[Any], str]) -> Any:
    """Return the rendering with the bare answer; the first one if there is none."""
    return next((one for one in renderings if name(one) == "answer"), renderings[0])


def write_submission(
    sources: Iterable[dict[str, str]], train: dict[str, Any], *, rows_per_s: float, evaluate_s: float, left_s: float
) -> dict[str, str]:
    """Return the files of a submission: name -> text."""
    rows = int(SHARE * (left_s - EVALUATIONS * evaluate_s) * rows_per_s / train["epochs"])
    plan = {"parent": 0, "hypothesis": "the form of the answers is missing", "evidence": [], "focus": "both"}
    files = {
        "plan.yaml": {**plan, "changes": []},
        "train.yaml": train,
        "recipe.yaml": {"sources": list(sources), "max_rows": max(8, min(ROWS, rows))},
    }
    return {name: yaml.safe_dump(content) for name, content in files.items()}


class Once:
    """An agent that submits once."""

    name, planner = "once", ""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace

    @classmethod
    def create(cls, setup: AgentSetup) -> Once:
        """Return an agent that works in the workspace of its run."""
        return cls(setup.workspace)

    def propose(self, observation: Observation) -> Path | None:
        """Return the folder of the only submission, then ``None``."""
        if observation.history:
            return None
        documented = [raw for raw in observation.task.raw_sources if raw.renderings]
        chosen = [(raw.path, choose(raw.renderings, lambda one: one.name)) for raw in documented]
        sources = [{"path": path, "prompt": r.prompt, "completion": r.completion} for path, r in chosen]
        files = write_submission(
            sources,
            BY_CLASS,
            rows_per_s=observation.train_rows_per_s,
            evaluate_s=observation.evaluate_s,
            left_s=observation.remaining["wall_s"],
        )
        folder = self.workspace / "001"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text)
        return folder


async def play(url: str) -> dict[str, Any]:
    """Submit once over the protocol, finish, and return the result."""
    async with Client(url) as client:
        await call(client, "dojo_wait")
        task = await call(client, "dojo_task")
        sources = []
        for path in task["raw_files"]:
            templates = (await call(client, "dojo_raw_data", path=path))["ways_to_make_training_rows"]
            if templates:
                chosen = choose(templates, lambda one: one["name"])
                sources.append({"path": path, "prompt": chosen["prompt"], "completion": chosen["completion"]})
        files = write_submission(
            sources,
            BY_PROGRAM,
            rows_per_s=task["lora_train_rows_per_s"],
            evaluate_s=task["seconds_of_an_evaluation"],
            left_s=task["remaining"]["wall_s"],
        )
        answer = await call(client, "dojo_submit", files=files)
        if answer["state"] != "ended":
            answer = await call(client, "dojo_finish")
        return dict(answer["result"])


if __name__ == "__main__":
    print(json.dumps(asyncio.run(play(os.environ["FTDOJO_MCP_URL"])), indent=1))
