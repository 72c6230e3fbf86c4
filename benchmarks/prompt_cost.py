"""What FT-Agent asks a planning model, in tokens an iteration: bounded, so that the tenth iteration costs what the
fifth did.

Planning, diagnosis and implementation are the agent's own code, on the real task's raw data, validation items and
scorer; what comes of an iteration is made up, and so are the model's replies, each usable at once. In every iteration
the model is asked for a data program, which is the dearest case, and edits other keys in turn, so that the list of
measured effects grows. Tokens are those of the embedded model's tokenizer, messages and schemas together.

    python benchmarks/prompt_cost.py [--task chemistry/mol_und] [--iterations 10] [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from ftdojo import models, tasks
from ftdojo.agents.ft_agent import FTAgent
from ftdojo.agents.ft_agent.llm_planner import LlmPlanner
from ftdojo.contract.call import Call, Usage
from ftdojo.contract.feedback import (
    DataFeedback,
    Distribution,
    EvaluationFeedback,
    ExecutionFeedback,
    Feedback,
    TrainingFeedback,
)
from ftdojo.contract.protocol import Decision, Iteration, Observation
from ftdojo.contract.result import StageSeconds
from ftdojo.contract.submission import load
from ftdojo.data import TaskData, prepare, profiled, read_items
from ftdojo.episode import evaluation
from ftdojo.episode.evaluation import Prediction
from ftdojo.llm import Client
from ftdojo.llm.transport import Answer, Request
from ftdojo.record import Home
from ftdojo.tasks.spec import Task

REFERENCE = 29_000
"""Tokens of the bare prompt templates of the original FT-Agent, over the calls that it makes in one iteration."""
PROGRAM = "rows = []\n" + "\n".join(
    f"rows.append({{'prompt': 'question {i}', 'completion': '{i}'}})" for i in range(60)
)
TRIED = ("train.learning_rate", "train.weight_decay", "train.warmup_ratio", "train.eval_fraction", "train.lora.dropout")


class Model:
    """Answers every question in the form that was asked for, and keeps the questions."""

    model, place = "scripted:model", None

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def send(self, request: Request) -> Answer:
        self.asked.append(request)
        return Answer(self._reply(request), None, Usage())

    def _reply(self, request: Request) -> str:
        schema, number = request.schema, len(self.asked)
        if schema is None:
            return f"```python process_data.py\n# version {number}\n{PROGRAM}\n```"
        if "most_urgent" in schema["properties"]:
            return json.dumps({"most_urgent": "B", "cause": "The answers have the form and miss the count. " * 8})
        key = TRIED[number // 3 % len(TRIED)]
        measured = re.findall(rf"\[(E\d+)\] effect of {key} ", request.messages[1].content)
        edit = {"key": key, "value": f"{0.001 + number * 1e-5:g}", "because": "it was measured", "expected_change": 2}
        return json.dumps(
            {
                "hypothesis": "Rows with the answer's form and an even mixture teach the counting of rings. " * 5,
                "evidence": ["B", *measured],
                "changes": [edit],
                "risk": "The rate may be too high. " * 10,
                "refuted_if": "Accuracy does not rise. " * 10,
                "outlook": ["Then try more rows of the weakest sub-task. " * 8] * 4,
                "program": "write",
            }
        )


class Log:
    """Keeps nothing and allows everything."""

    def append(self, call: Call) -> None:
        """Forget a call."""

    def remaining(self) -> dict[str, float]:
        """No limit."""
        return {}


class World:
    """A task with its real data, in which iterations come out as drawn."""

    def __init__(self, name: str, home: Home) -> None:
        variant, self.task = tasks.get(name).variant(None)
        self.data: TaskData = prepare(self.task, variant, home)
        base = models.resolve("smollm2-135m", home.root)
        self.count = models.token_counter(base)
        self.items = read_items(self.data.validation)
        self.rng = random.Random(0)
        self.history: list[Iteration] = []
        self.folders: dict[int, Path] = {}
        self.start: dict[str, Any] = {
            "task": self.task.spec,
            "raw_data": profiled(self.data, home, count=self.count, tokenizer=models.digest(base)),
            "model": models.describe(base),
            "baseline": self.evaluated(0.0),
            "train_rows_per_s": 6.0,
            "evaluate_s": 20.0,
            "seed": 0,
        }

    def observe(self) -> Observation:
        best = max((i.number for i in self.history if i.accepted), default=0)
        return Observation(
            **self.start, history=self.history, best=best, submissions=self.folders, remaining={"wall_s": 1e6}
        )

    def evaluated(self, share: float) -> EvaluationFeedback:
        """The real scorer on outputs of which so many are right and the others are words."""
        task: Task = self.task
        right = [self.rng.random() < share for _ in self.items]
        outputs = [
            task.scorer.gold(item) if good else "I think that this compound has several rings. " * 4
            for item, good in zip(self.items, right, strict=True)
        ]
        said = [
            Prediction(id=str(item["id"]), output=text, tokens=48, truncated=False)
            for item, text in zip(self.items, outputs, strict=True)
        ]
        return evaluation.feedback(task, self.items, said, best=None)

    def step(self, folder: Path) -> None:
        number = len(self.history) + 1
        measured = self.evaluated(0.2 + 0.05 * number)
        gap = {"value": 5.0, "low": 1.0 if number % 2 else -1.0, "high": 9.0}
        spread = Distribution(p50=90, p95=140, max=200)
        rows = DataFeedback(
            rows=700,
            duplicates=2,
            per_subtask=dict.fromkeys(self.task.spec.subtasks, 140),
            top_completion_share=0.2,
            row_tokens=spread,
            label_tokens=spread,
            truncated_share=0.0,
        )
        training = TrainingFeedback(
            steps=90,
            epochs=1,
            tokens_per_s=600,
            peak_memory_bytes=2**31,
            curve=[],
            train_loss=0.31,
            eval_loss=0.33,
            eval_curve=[],
            fit="under_fit",
        )
        execution = ExecutionFeedback(seconds=StageSeconds(data=1, train=90, evaluate=20), reused=[], findings=[])
        decision = Decision.model_validate(
            {"accepted": number % 2 == 1, "difference": gap, "reason": "difference +5.0, 95 % interval [+1.0, +9.0]"}
        )
        self.history.append(
            Iteration(
                number=number,
                digests={},
                plan=load(folder).plan,
                feedback=Feedback(execution=execution, data=rows, training=training, evaluation=measured),
                decision=decision,
            )
        )
        self.folders[number] = folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="chemistry/mol_und")
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    given = parser.parse_args()
    world, model = World(given.task, Home.default()), Model()
    per_iteration: list[dict[str, int]] = []
    with tempfile.TemporaryDirectory() as workspace:
        agent = FTAgent(LlmPlanner(Client(model, Log()), lambda _: []), Path(workspace))
        for _ in range(given.iterations):
            before = len(model.asked)
            folder = agent.propose(world.observe())
            assert folder is not None
            world.step(folder)
            per_iteration.append(spent(model.asked[before:], world))
            print(line(len(per_iteration), per_iteration[-1]), flush=True)
    totals = [sum(tokens.values()) for tokens in per_iteration]
    growth = totals[-1] / totals[len(totals) // 2]
    print(f"most {max(totals):,}; the last is {growth:.2f} times the middle one; reference {REFERENCE:,}")
    if given.json:
        found = {"benchmark": "prompt_cost", "task": given.task, "iterations": per_iteration, "most": max(totals)}
        print(json.dumps({**found, "ours": max(totals), "peer": REFERENCE, "ratio": max(totals) / REFERENCE}))


def spent(asked: list[Request], world: World) -> dict[str, int]:
    """Input tokens by purpose, of everything that is sent: messages and schema."""
    found: defaultdict[str, int] = defaultdict(int)
    for request in asked:
        system = request.messages[0].content
        purpose = "diagnose" if "You diagnose" in system else "plan" if "You plan" in system else "program"
        texts = [message.content for message in request.messages]
        if request.schema is not None:
            texts.append(json.dumps(request.schema))
        found[purpose] += sum(world.count(texts))
    return dict(found)


def line(number: int, tokens: dict[str, int]) -> str:
    parts = ", ".join(f"{purpose} {count:,}" for purpose, count in tokens.items())
    return f"iteration {number:2}: {sum(tokens.values()):6,} input tokens ({parts})"


if __name__ == "__main__":
    main()
