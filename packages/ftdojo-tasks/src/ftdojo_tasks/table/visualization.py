"""TableBench visualization: write a Python program that draws a chart of a table.

Prompt: the table as text, the question, the row's instruction, and the frame of a program that reads ``table.csv``.

The program is the content of the last closed ```` ```python ```` fence; without one it is the whole output, if that
contains ``import``, ``plt``, ``numpy``, ``pandas``, ``pd`` or ``df``, be it within a word. It runs for at most ten
seconds next to a ``table.csv``. Only these count: the y values that it passes to ``plt.bar`` and ``plt.scatter`` as
second positional argument and to ``plt.plot`` as second, fourth, … one. They have to be those of the item's ``answer``
(``y_references = [[…], …]``): as many series, in the same order, of the same length, numbers within 0.01, anything else
equal as text. So a chart that is drawn by ``plt.pie``, ``plt.barh``, ``ax.bar``, ``df.plot``, ``plt.plot(y)`` or with
``height=`` is not seen, whatever it shows; and a program whose values JSON does not know, such as an array of numpy
integers, has not been executed. The type of the chart is not judged.

The core metric is ``pass_at_1`` in per cent. ``ecr_at_1`` is the per cent of programs that were executed to their end,
``parse_at_1`` that of outputs in which a program was found.

Programs are untrusted: they run in a sandbox only, by a runner that the scorer is bound to (see
:mod:`ftdojo_tasks.table.chart_program`). The gold answer stays outside.

Deviations from the reference harness:

- NaN equals nothing. In the reference it equals every number, so that drawing NaN passes.
- A flat gold answer (``[1, 2]``) is one series. The reference does not compare its values, only their number with that
  of the series drawn.
- The ten seconds do not include the start of Python and the imports of pandas and matplotlib; a program can start
  neither processes nor threads, has 3 GiB of address space, and writes files of at most 16 MiB.
- Values beyond 1 MiB of JSON count as not executed.
- The notes of the prompt are in our own words.
- No record is in both validation and test.

An error is ``empty``, ``format`` (no program), ``failed`` (not executed), ``timeout`` or ``wrong``.
"""

from __future__ import annotations

import ast
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ftdojo.contract.task_spec import Message, Published, RawSource, Record, Rendering, Shortcut, TaskSpec
from ftdojo.errors import InputError, PrerequisiteError
from ftdojo.findings import Finding
from ftdojo.tasks.aggregate import parsed_percent, subtask_mean, unreadable_gold
from ftdojo.tasks.external import CodeRunner
from ftdojo.tasks.itemwise import MeanScorer
from ftdojo.tasks.rows import scan_jsonl
from ftdojo.tasks.spec import BAD_GOLD, ItemScore
from ftdojo_tasks.table import raw
from ftdojo_tasks.table.prompt import TEMPLATE_OF_TABLE, table_text

QTYPE = "Visualization"
PROGRAM = Path(__file__).with_name("chart_program.py")
FENCE = "```"
OPEN = f"{FENCE}python"
MARKS = ("import", "plt", "numpy", "pandas", "pd", "df")
TOLERANCE = 0.01

Job = dict[str, Any]
"""``{"table": ..., "code": ...}``"""
Reply = dict[str, Any]
"""``{"series": [[...], ...]}``, or ``{"error": ...}``: ``failed`` or ``timeout``."""


def extract_code(output: str) -> str | None:
    """The program in an output, if there is one."""
    code, position = "", 0
    while (opened := output.find(OPEN, position)) >= 0 and (closed := output.find(FENCE, opened + len(OPEN))) >= 0:
        code, position = output[opened + len(OPEN) : closed].strip(), closed + len(FENCE)
    if not position and any(mark in output for mark in MARKS):
        code = output.strip()
    return code or None


def references(answer: str) -> list[list[Any]]:
    """The series of a gold answer.

    Raises:
        ValueError: if it is no list of series or of values.
    """
    try:
        value = ast.literal_eval((answer.partition("=")[2] if "y_references" in answer else answer).strip())
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if not isinstance(value, list) or not value:
        raise ValueError("no list")
    nested = all(isinstance(series, (list, tuple)) for series in value)
    return [list(series) for series in value] if nested else [value]


def same_series(drawn: Sequence[Sequence[Any]], gold: Sequence[Sequence[Any]]) -> bool:
    """Whether two charts have the same values, in the same order."""
    return len(drawn) == len(gold) and all(
        len(a) == len(b) and all(map(_same, a, b)) for a, b in zip(drawn, gold, strict=True)
    )


def _same(value: Any, gold: Any) -> bool:
    try:
        return abs(float(value) - float(gold)) <= TOLERANCE
    except (ValueError, TypeError, OverflowError):
        return not isinstance(value, (list, dict)) and str(value) == str(gold)


@dataclass(frozen=True, slots=True)
class ChartScorer(MeanScorer):
    """Runs the programs and compares what they draw. Without a runner it can be described, but not used."""

    runner: CodeRunner | None = None

    def bind(self, runner: CodeRunner) -> ChartScorer:
        """The scorer with a runner."""
        return replace(self, runner=runner)

    def score(self, items: Sequence[Record], outputs: Sequence[str]) -> list[ItemScore]:
        """One verdict an item.

        Raises:
            PrerequisiteError: without a runner, or if no chart can be drawn where it runs programs.
        """
        golds = [_readable(item) for item in items]
        codes = [extract_code(output) for output in outputs]
        pairs = zip(items, codes, strict=True)
        replies = iter(self._replies([{"table": item["table"], "code": code} for item, code in pairs if code]))
        return [
            _verdict(item, output, gold, next(replies) if code else None)
            for item, output, gold, code in zip(items, outputs, golds, codes, strict=True)
        ]

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """The per cent of programs that were executed, and of outputs in which one was found."""
        executed = 100.0 * subtask_mean(scores, lambda s: s.metrics["executed"])
        return {"ecr_at_1": executed, "parse_at_1": parsed_percent(scores)} | unreadable_gold(scores)

    def gold(self, item: Record) -> str:
        """A program that draws the gold values."""
        return (
            f"{OPEN}\nimport matplotlib.pyplot as plt\n\nfor y in {_gold(item)!r}:\n"
            f"    plt.plot(list(range(len(y))), y)\nplt.show()\n{FENCE}"
        )

    def _replies(self, jobs: Sequence[Job]) -> list[Reply]:
        """One reply a job. Where a run fails, smaller ones find the job that makes it fail, which has failed then."""
        if self.runner is None:
            raise PrerequisiteError(
                "generated programs are untrusted code and nothing was given to run them",
                fix="score through `ftdojo score` or `ftdojo run`, which have a sandbox",
            )
        replies: list[Reply] = []
        size = len(jobs)
        while len(replies) < len(jobs):
            batch = jobs[len(replies) :][:size]
            try:
                replies += _run(self.runner, batch)
                size = 2 * len(batch)
            except InputError:
                if len(batch) == 1:
                    _check(self.runner)
                    replies.append({"error": "failed"})
                size = max(1, len(batch) // 2)
        return replies


def _run(runner: CodeRunner, jobs: Sequence[Job]) -> list[Reply]:
    """The replies to the first jobs, to one at least if there is one.

    Raises:
        InputError: if the program that runs them fails.
    """
    with tempfile.TemporaryDirectory(prefix="ftdojo-charts-") as temporary:
        folder = Path(temporary)
        program, inputs, output = folder / "program", folder / "inputs.jsonl", folder / "output.jsonl"
        program.mkdir()
        shutil.copyfile(PROGRAM, program / "main.py")
        # Escaped, because model output may hold lone surrogates, which no file can.
        inputs.write_text("".join(json.dumps(job) + "\n" for job in jobs), "utf-8")
        runner(program, inputs, output)
        replies = [_reply(value) for _, value in scan_jsonl(output)]
    if len(replies) > len(jobs) or (jobs and not replies):
        message = f"gave {len(replies)} replies to {len(jobs)} programs"
        finding = Finding(code="bad_replies", gate=0, message=message, where=PROGRAM.name, fix="fix the programs")
        raise InputError([finding])
    return replies


def _check(runner: CodeRunner) -> None:
    """Distinguish a program that makes a run fail from a machine on which every run fails."""
    try:
        _run(runner, [])
    except InputError as error:
        raise PrerequisiteError(
            f"no chart can be drawn where generated programs run: {error.message}",
            fix="`ftdojo doctor` tries the sandbox; `pip install matplotlib pandas` installs what the programs import",
        ) from None


def _reply(value: Any) -> Reply:
    """A reply of the right form, whatever a program has written."""
    if isinstance(value, dict):
        series = value.get("series")
        if isinstance(series, list) and all(isinstance(values, list) for values in series):
            return {"series": series}
        if value.get("error") == "timeout":
            return {"error": "timeout"}
    return {"error": "failed"}


def _verdict(item: Record, output: str, gold: list[list[Any]] | None, reply: Reply | None) -> ItemScore:
    error: str | None
    if gold is None:
        error = BAD_GOLD
    elif reply is None:
        error = "format" if output.strip() else "empty"
    elif "error" in reply:
        error = reply["error"]
    else:
        error = None if same_series(reply["series"], gold) else "wrong"
    return ItemScore(
        id=str(item["id"]),
        subtask="",
        score=float(error is None),
        parsed=reply is not None,
        error=error,
        metrics={"executed": float(reply is not None and "series" in reply)},
    )


def _readable(item: Record) -> list[list[Any]] | None:
    try:
        return _gold(item)
    except InputError:
        return None


def _gold(item: Record) -> list[list[Any]]:
    try:
        return references(str(item.get("answer", "")))
    except ValueError as fault:
        message = f"its answer cannot be read: {fault}"
        where, fix = f"item {item.get('id')}", "write it as y_references = [[1, 2], [3, 4]]"
        raise InputError([Finding(code="bad_item", gate=0, message=message, where=where, fix=fix)]) from None


_NOTES = f"""Notes:
- The table is saved as 'table.csv'. Its first column holds the names of the rows.
- Read it with pd.read_csv('table.csv').
- Pick rows by position, as in df.iloc[i, 1:], or by name, as in df[df.iloc[:, 0] == 'name'].

Structure of the code:
{OPEN}
import pandas as pd
import matplotlib.pyplot as plt
df = pd.read_csv('table.csv')
...
plt.show()
{FENCE}
Give only the Python code, without explanation.
Answer:"""


def _text(table: str, question: str, instruction: str) -> str:
    return (
        f"Write Python code that draws the chart asked for from the table below.\n\nTable:\n{table}\n\n"
        f"Question: {question}\n\nInstructions: {instruction}\n\n{_NOTES}"
    )


def prompt(item: Record) -> list[Message]:
    """Table, question, instruction and notes as one user turn."""
    return [{"role": "user", "content": _text(table_text(item["table"]), item["question"], item["instruction"])}]


_IS_CHART = f"{{% if qtype == '{QTYPE}' %}}"
_PROMPT = f"{_IS_CHART}{_text(TEMPLATE_OF_TABLE, '{{ question }}', '{{ instruction }}')}{{% endif %}}"
_SET_CODE = (
    f"{{% set parts = (response or '').split('{OPEN}') %}}{{% set tail = parts[-1].split('{FENCE}') %}}"
    "{% set code = tail[0].strip() if parts | length > 1 and tail | length > 1 else '' %}"
)
_IS_SEEN = (
    "('plt.bar(' in code or 'plt.plot(' in code or 'plt.scatter(' in code) "
    "and 'height=' not in code and '(x=' not in code"
)
_FIRST_COLUMN = f"""{OPEN}
import pandas as pd
import matplotlib.pyplot as plt
df = pd.read_csv('table.csv')
plt.bar(df.iloc[:, 0], df.iloc[:, 1])
plt.show()
{FENCE}"""

SPEC = TaskSpec(
    id="table/visualization",
    domain="table",
    objective="Write a Python program that draws the chart asked for from a table that it finds in table.csv.",
    output_format="A program in a ```python fence, the last one of which counts; or nothing but the program. It is "
    "run. It has to hand exactly the values asked for, in the order of the table or the one asked for, as second "
    "positional argument to plt.bar(x, y), plt.plot(x, y) or plt.scatter(x, y), one call for each series. Other ways "
    "to draw (ax.bar, df.plot, plt.barh, plt.pie, plt.plot(y), height=y) are not seen. y may be a column of a data "
    "frame or a list of Python numbers, but no numpy array of integers. No error, no sys.exit, at most ten seconds.",
    metric="pass_at_1",
    higher_is_better=True,
    best_value=100.0,
    subtasks=(),
    max_new_tokens=16384,
    raw_sources=(
        RawSource(
            path=raw.FILE,
            subtask="",
            description="questions about tables with responses of a language model: rows of all question types "
            f"(qtype; here {QTYPE}); responses are programs in a fence, some cut off, some with charts that the scorer "
            "does not see; no field for the answer",
            renderings=(
                Rendering(
                    name="raw",
                    prompt=f"{_IS_CHART}{{{{ instruction }}}}\n{{{{ question }}}}{{% endif %}}",
                    completion="{{ response or '' }}",
                    description="instruction, question and response as they stand; the published instruction repeats "
                    "both question and table",
                ),
                Rendering(
                    name="answer",
                    prompt=_PROMPT,
                    completion=f"{_SET_CODE}{{% if {_IS_SEEN} %}}{OPEN}\n{{{{ code }}}}\n{FENCE}{{% endif %}}",
                    description="the prompt of the evaluation, and only the program; rows are skipped if it is cut off "
                    "or never draws in a way that the scorer sees",
                ),
                Rendering(
                    name="rationale",
                    prompt=_PROMPT,
                    completion=f"{_SET_CODE}{{% if {_IS_SEEN} %}}{{{{ response }}}}{{% endif %}}",
                    description="the same rows with the whole response",
                ),
            ),
        ),
    ),
    evaluation_source=raw.EVALUATION,
    licence=raw.LICENCE,
    published=(Published(metric="pass_at_1", base=4.0, ft_agent=29.33),),
    shortcuts=(Shortcut(name="the first column of numbers", output=_FIRST_COLUMN, at_most=30.0),),
)
