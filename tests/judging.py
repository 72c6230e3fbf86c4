"""A task with a rubric and judged outputs, and a scripted judge: for tests of judgements."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripted_llm import Step

RUBRIC = "Right if it decides like the right answer."
TASK_TOML = """
id = "own/decide"
domain = "own"
objective = "Approve a request unless it is from Bob."
output_format = "a sentence"
metric = "token_f1"
scorer = "tokens"
prompt = "{{ request }}"
answer = "verdict"
max_new_tokens = 16
"""


def item(number: int) -> dict[str, str]:
    """An item of the task, with its id; every second one is right with yes."""
    return {
        "id": f"i{number}",
        "request": f"Ann asks for thing number {number}.",
        "verdict": ("yes", "no")[number % 2],
    }


def other(gold: str) -> str:
    """A wrong answer."""
    return {"yes": "no", "no": "yes"}[gold]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def make_task(folder: Path, *, judged: int = 20) -> Path:
    """Write a task folder with a rubric, and as many judged outputs of each kind."""
    folder.mkdir()
    (folder / "task.toml").write_text(TASK_TOML, "utf-8")
    for name, begin in (("train.jsonl", 1000), ("eval.jsonl", 2000)):
        write_rows(folder / name, [item(number) for number in range(begin, begin + 8)])
    (folder / "rubric.md").write_text(RUBRIC, "utf-8")
    write_rows(folder / "judged.jsonl", judged_rows(judged))
    return folder


JUDGED_TOML = """
id = "own/approve"
domain = "own"
objective = "Approve a request unless it is from Bob."
output_format = "a sentence"
metric = "judged_accuracy"
scorer = "judge"
prompt = "{{ request }}"
answer = "verdict"
max_new_tokens = 4
judge_test = true
"""


def make_judged_task(folder: Path, *, judged: int = 10, rows: Path | None = None) -> Path:
    """Write a task folder whose outputs a language model judges; ``rows``: a folder with its rows."""
    folder.mkdir()
    (folder / "task.toml").write_text(JUDGED_TOML, "utf-8")
    for name, begin in (("train.jsonl", 1000), ("eval.jsonl", 2000)):
        if rows is None:
            write_rows(folder / name, [item(number) for number in range(begin, begin + 8)])
        else:
            shutil.copy(rows / name, folder / name)
    (folder / "rubric.md").write_text(RUBRIC, "utf-8")
    write_rows(folder / "judged.jsonl", judged_rows(judged))
    return folder


def judged_rows(count: int) -> list[dict[str, Any]]:
    """As many right outputs, then as many wrong ones, each with a person's verdict."""
    items = [item(number) for number in range(3000, 3000 + count)]
    return [{"item": i, "output": i["verdict"], "right": True} for i in items] + [
        {"item": i, "output": other(i["verdict"]), "right": False} for i in items
    ]


def quotations(body: dict[str, Any]) -> list[str]:
    """Question, right answer and output, as a judge is shown them."""
    return re.findall(r"<<<(.*?)>>>", body["messages"][-1]["content"], re.DOTALL)


def verdict(*, right: bool) -> Step:
    """A judge's reply."""
    return Step(content=json.dumps({"reason": "as the rubric says", "right": right}))


def fair(number: int, body: dict[str, Any]) -> Step:
    """A judge without errors: it accepts what equals the right answer, in any case."""
    _, gold, output = quotations(body)
    return verdict(right=output.casefold() == gold.casefold())


def but_for(steps: dict[str, Step]) -> Callable[[int, dict[str, Any]], Step]:
    """A judge without errors, but for some outputs, given by the beginning of the question."""

    def script(number: int, body: dict[str, Any]) -> Step:
        question = quotations(body)[0]
        return next((step for start, step in steps.items() if question.startswith(start)), fair(number, body))

    return script
