"""The generated stand-in for TableInstruct and TableBench: same files, fields and defects; computed answers.

As in the real data: one raw file in which the question types and the ways to answer (DP, TCoT, SCoT, PoT) are
mixed; all fields text, the table as JSON text; no field for the answer; responses that lack ``Final Answer:``, are
wrong or cut off; programs whose charts the scorer does not see. Tables are real data. Unlike it: tables are small,
the instruction is one sentence that repeats neither the table nor the question, and questions have few wordings.

Training, validation and test tables are cut from different rows, in part from different data sets; a third of the
evaluation questions are worded as no training question is. Half of the kinds of questions can be looked up, the others
have to be calculated.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ftdojo.tasks.rows import write_jsonl
from ftdojo.tasks.spec import Sources
from ftdojo_tasks.table import raw, twin_analysis, twin_charts, twin_facts, twin_numbers
from ftdojo_tasks.table.tables import Sheet, load
from ftdojo_tasks.table.twin_questions import Kind, Question, ask

SEED = "tablebench twin 1"
RAW_ROWS = 1800
OWN = 0.7
"""Share of the raw rows that are of the task's own question type; the other types share the rest."""
WAYS = {"TCoT": 0.7, "DP": 0.1, "SCoT": 0.1, "PoT": 0.1}
"""Ways to answer and their shares."""
NO_MARKER, WRONG, CUT, UNSEEN_CHART = 0.06, 0.04, 0.03, 0.12
"""Shares of the raw responses with each defect, the last one among charts."""

KINDS = {module.TYPE: module.KINDS for module in (twin_analysis, twin_facts, twin_numbers, twin_charts)}
MOST = {twin_facts.TYPE: 26, twin_numbers.TYPE: 8, twin_analysis.TYPE: 5, twin_charts.TYPE: 2}
"""So often may an answer occur among the items of a split."""

INSTRUCTIONS = {
    "TCoT": "You are a table analyst. Answer the question about the table, thinking step by step.",
    "DP": "You are a table analyst. Answer the question about the table directly.",
    "SCoT": "You are a table analyst. Answer the question about the table in numbered steps.",
    "PoT": "You are a table analyst. Answer the question about the table by a Python program.",
}
CHART_INSTRUCTION = "You are a table analyst. Write Python code that draws the chart asked for."


def build_data_analysis(folder: Path, sources: Sources) -> None:
    """Write the generated data of ``tablebench_data_analysis`` into ``folder``: 20 items a sub-task and split."""
    _build(folder, twin_analysis.TYPE, 100)


def build_fact_checking(folder: Path, sources: Sources) -> None:
    """Write the generated data of ``tablebench_fact_checking`` into ``folder``."""
    _build(folder, twin_facts.TYPE, 100)


def build_numerical_reasoning(folder: Path, sources: Sources) -> None:
    """Write the generated data of ``tablebench_numerical_reasoning`` into ``folder``."""
    _build(folder, twin_numbers.TYPE, 100)


def build_visualization(folder: Path, sources: Sources) -> None:
    """Write the generated data of ``tablebench_visualization`` into ``folder``."""
    _build(folder, twin_charts.TYPE, 50)


def _build(folder: Path, own: str, total: int) -> None:
    rng = random.Random(f"{SEED} {own}")  # noqa: S311 - reproducible data, not secrets
    sheets = load()
    (folder / "raw").mkdir()
    write_jsonl(folder / "raw" / raw.FILE, raw_rows(own, sheets["train"], rng))
    for part in ("validation", "test"):
        questions = evaluation_questions(own, sheets[part], rng, total)
        write_jsonl(folder / f"{part}.jsonl", map(item, questions))


# -- evaluation -----------------------------------------------------------------------------------------------------


def evaluation_questions(own: str, sheets: Sequence[Sheet], rng: random.Random, total: int) -> list[Question]:
    """Different questions, equally many a sub-task, the kinds of a sub-task in turn."""
    subtasks = sorted({kind.subtask for kind in KINDS[own]})
    found: list[Question] = []
    for subtask in subtasks:
        kinds = [kind for kind in KINDS[own] if kind.subtask == subtask]
        chosen: dict[str, Question] = {}
        answers: Counter[str] = Counter()
        while len(chosen) < total // len(subtasks):
            question = ask(kinds[len(chosen) % len(kinds)], sheets, rng, training=False)
            if name(question) not in chosen and answers[question.draft.answer] < MOST[own]:
                chosen[name(question)] = question
                answers[question.draft.answer] += 1
        found += chosen.values()
    return found


def item(question: Question) -> dict[str, object]:
    """An evaluation item."""
    kind, draft = question.kind, question.draft
    row: dict[str, object] = {
        "id": name(question),
        "subtask": kind.subtask,
        "qtype": kind.type,
        "qsubtype": kind.subtype,
        "table": question.table.content(),
        "question": question.text,
        "answer": draft.answer,
        "instruction": instruction(kind, "TCoT"),
        "instruction_type": "TCoT",
    }
    return row | ({"chart_type": draft.chart} if draft.chart else {})


def name(question: Question) -> str:
    """An id that depends on the table and the text of the question."""
    return hashlib.sha256(f"{question.table.content()} {question.text}".encode()).hexdigest()[:12]


def instruction(kind: Kind, way: str) -> str:
    """The instruction to the model, in addition to the question."""
    return CHART_INSTRUCTION if kind.type == twin_charts.TYPE else INSTRUCTIONS[way]


# -- raw rows -------------------------------------------------------------------------------------------------------


def raw_rows(own: str, sheets: Sequence[Sheet], rng: random.Random) -> list[dict[str, str]]:
    """Raw rows of all question types, most of them of the task's own, with their defects."""
    others = [type_ for type_ in KINDS if type_ != own]
    rows: dict[str, dict[str, str]] = {}
    while len(rows) < RAW_ROWS:
        type_ = own if rng.random() < OWN else rng.choice(others)
        question = ask(rng.choice(KINDS[type_]), sheets, rng, training=True)
        (way,) = rng.choices(tuple(WAYS), tuple(WAYS.values()))
        rows.setdefault(name(question), row(question, way, rng))
    return list(rows.values())


def row(question: Question, way: str, rng: random.Random) -> dict[str, str]:
    """A raw row."""
    kind = question.kind
    response = (chart_response if kind.type == twin_charts.TYPE else response_to)(question, way, rng)
    if rng.random() < CUT:
        response = response[: len(response) * rng.randrange(30, 80) // 100]
    return {
        "id": name(question),
        "qtype": kind.type,
        "qsubtype": kind.subtype,
        "instruction": instruction(kind, way),
        "instruction_type": way,
        "table": json.dumps(question.table.content(), ensure_ascii=False),
        "question": question.text,
        "response": response,
    }


def response_to(question: Question, way: str, rng: random.Random) -> str:
    """A response that ends in a final answer, in a few cases a wrong one or none that is marked."""
    draft, chance = question.draft, rng.random()
    if way == "PoT":
        return program(f"answer = {draft.code}\nprint(f'Final Answer: {{answer}}')", "import numpy as np")
    answer = other_answer(question, rng) if chance < WRONG else draft.answer
    final = f"Final Answer: {answer}"
    if WRONG <= chance < WRONG + NO_MARKER:
        final = f"So the answer should be {answer}."
    if way == "DP":
        return final
    if way == "SCoT":
        return f"Step 1: Read the columns {', '.join(question.table.columns)}.\nStep 2: {draft.why}\n{final}"
    return f"{draft.why}\n{final}"


def other_answer(question: Question, rng: random.Random) -> str:
    """A wrong answer: the other one of a claim, else another cell."""
    answer = question.draft.answer
    if answer in ("Yes", "No"):
        return "No" if answer == "Yes" else "Yes"
    cells = {cell for cells in question.table.rows for cell in cells}
    return rng.choice(sorted(cells - {answer}))


def chart_response(question: Question, way: str, rng: random.Random) -> str:
    """A program in a fence, in some cases one whose y values the scorer does not see; before it maybe a sentence."""
    code = question.draft.code
    if rng.random() < UNSEEN_CHART:
        code = rng.choice((with_axes, with_keywords, with_pandas))(code)
    answer = program(f"{code}\nplt.show()", "import matplotlib.pyplot as plt")
    if way == "TCoT":
        return f"{question.draft.why}\n{answer}"
    if way == "SCoT":
        return f"Step 1: Read table.csv.\nStep 2: {question.draft.why}\n{answer}"
    return answer


def program(code: str, more: str) -> str:
    """Code in a fence, after the imports and the reading of the table."""
    return f"```python\nimport pandas as pd\n{more}\n\ndf = pd.read_csv('table.csv')\n{code}\n```"


def with_axes(code: str) -> str:
    """Draw on axes rather than through pyplot."""
    return "fig, ax = plt.subplots()\n" + code.replace("plt.", "ax.")


def with_keywords(code: str) -> str:
    """Name the arguments, where the function has names for them."""
    named = re.sub(r"plt\.bar\(([^,]+), (.+)\)", r"plt.bar(x=\1, height=\2)", code)
    named = re.sub(r"plt\.scatter\(([^,]+), (.+)\)", r"plt.scatter(x=\1, y=\2)", named)
    return named if named != code else with_axes(code)


def with_pandas(code: str) -> str:
    """Draw through pandas, and more than was asked for."""
    kind = "bar" if "plt.bar" in code else "line"
    return f"df.plot(x=df.columns[0], kind='{kind}')"
