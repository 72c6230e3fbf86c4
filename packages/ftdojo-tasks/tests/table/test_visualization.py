"""Charts: which programs draw what is asked for, in the real sandbox, honest and hostile ones side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo import sandbox
from ftdojo.errors import InputError, PrerequisiteError
from ftdojo.findings import Finding
from ftdojo.tasks.external import CodeRunner
from ftdojo.tasks.rows import read_jsonl
from ftdojo.tasks.spec import ItemScore
from ftdojo.tasks.template import compile_template, render
from ftdojo_tasks.table import raw
from ftdojo_tasks.table import visualization as chart
from ftdojo_tasks.table.visualization import ChartScorer, extract_code, references, same_series
from scoring_fixtures import CpuSeconds

SCORER = ChartScorer(sandbox.run_user_code)
FENCE = "```"
HEAD = (
    "import pandas as pd\nimport matplotlib.pyplot as plt\ndf = pd.read_csv('table.csv')\nx, y = df['city'], df['n']\n"
)
TABLE = {"columns": ["city", "n"], "data": [["a", "1"], ["b", "3"]]}


def item(answer: str = "y_references = [[1, 3]]", **fields: Any) -> dict[str, Any]:
    return {
        "id": "v1",
        "subtask": "",
        "table": TABLE,
        "question": "Draw a bar chart of n per city.",
        "answer": answer,
        "instruction": "You are a table analyst.",
        **fields,
    }


def fenced(code: str) -> str:
    return f"{FENCE}python\n{code}\n{FENCE}"


ONE, TWO = item(), item("y_references = [[1, 3], [2, 6]]")
FLAT = item("y_references = [1, 3]")

PASS, DRAWN, FAILED, LATE = (None, 1.0), ("wrong", 1.0), ("failed", 0.0), ("timeout", 0.0)
"""Error and whether it was executed."""

CASES: dict[str, tuple[dict[str, Any], str, tuple[str | None, float]]] = {
    # name: (item, code after the head, verdict)
    "bar": (ONE, "plt.bar(x, y)\nplt.show()", PASS),
    "plot": (ONE, "plt.plot(x, y)", PASS),
    "scatter": (ONE, "plt.scatter(x, y)", PASS),
    "plot with a format": (ONE, "plt.plot(x, y, 'o-')", PASS),
    "stacked bars": (TWO, "plt.bar(x, y)\nplt.bar(x, 2 * y, bottom=y)", PASS),
    "two lines in one call": (TWO, "plt.plot(x, y, x, 2 * y)", PASS),
    "imported function": (ONE, "from matplotlib.pyplot import bar\nbar(x, y)", PASS),
    "floats of numpy": (ONE, "plt.bar(x, y.to_numpy() * 1.0)", PASS),
    "main guard and a saved file": (
        ONE,
        "if __name__ == '__main__':\n    plt.bar(x, y)\n    plt.savefig('x.png')",
        PASS,
    ),
    "fitted line": (ONE, "import numpy\nnumpy.polyfit([1, 2, 3], [1, 2, 4], 1)\nplt.plot(x, y)", PASS),
    "one number": (item("y_references = [[3], [3]]"), "plt.bar('a', 3)\nplt.plot([1], [3])", PASS),
    "texts": (item("y_references = [['a', 'b']]"), "plt.scatter(y, x)", PASS),
    "much printed": (ONE, "print('x' * 10**8)\nplt.bar(x, y)", PASS),
    "flat reference": (FLAT, "plt.bar(x, y)", PASS),
    "flat reference, two series": (FLAT, "plt.bar(x, [7, 8])\nplt.bar(x, [9, 9])", DRAWN),
    "axes": (ONE, "fig, ax = plt.subplots()\nax.bar(x, y)", DRAWN),
    "pandas": (ONE, "df.plot(x='city', y='n', kind='bar')", DRAWN),
    "keyword": (ONE, "plt.bar(x, height=y)", DRAWN),
    "pie": (ONE, "plt.pie(y)", DRAWN),
    "horizontal": (ONE, "plt.barh(x, y)", DRAWN),
    "single argument": (ONE, "plt.plot(y)", DRAWN),
    "other order of series": (TWO, "plt.bar(x, 2 * y)\nplt.bar(x, y)", DRAWN),
    "other order of rows": (ONE, "plt.bar(x, y.sort_values(ascending=False))", DRAWN),
    "NaN": (ONE, "plt.bar(x, [float('nan')] * 2)", DRAWN),
    "comment only": (ONE, "# nothing", DRAWN),
    "integers of numpy": (ONE, "plt.bar(x, y.to_numpy())", FAILED),
    "sum of integers": (item("y_references = [[4]]"), "plt.bar(['all'], [y.sum()])", FAILED),
    "exit": (ONE, "plt.bar(x, y)\nimport sys\nsys.exit(0)", FAILED),
    "syntax error": (ONE, "plt.bar(x, y", FAILED),
    "exception": (ONE, "plt.bar(x, y)\n1 / 0", FAILED),
    "unknown column": (ONE, "plt.bar(x, df['m'])", FAILED),
    "table as JSON text": (item(table=json.dumps(TABLE)), "plt.bar(x, y)", FAILED),
    "ragged table": (item(table={"columns": ["city", "n"], "data": [["a", 1, 2]]}), "plt.bar(x, y)", FAILED),
    "endless": (ONE, "plt.bar(x, y)\nwhile True: pass", LATE),
    "fork": (ONE, "import os\nwhile True: os.fork()", FAILED),
    "threads": (ONE, "import threading\nwhile True: threading.Thread(target=input).start()", FAILED),
    "memory": (ONE, "z = [0] * 10**10", FAILED),
    "disk": (ONE, "open('big', 'wb').write(bytes(2**27))", FAILED),
    "crash": (ONE, "import ctypes\nctypes.string_at(0)", FAILED),
    "leaves at once": (ONE, "plt.bar(x, y)\nimport os\nos._exit(0)", FAILED),
    "accounts": (ONE, "open('/etc/passwd').read()\nplt.bar(x, y)", FAILED),
    "a file of the host": (ONE, f"open({__file__!r}).read()\nplt.bar(x, y)", FAILED),
    "our package": (ONE, "import ftdojo.tasks\nplt.bar(x, y)", FAILED),
    "network": (ONE, "import socket\nsocket.create_connection(('1.1.1.1', 53), 5)\nplt.bar(x, y)", FAILED),
    "huge reply": (ONE, "try: plt.plot([0], range(10**6))\nexcept ValueError: pass", FAILED),
    "many replies": (
        ONE,
        "import os\nfor fd in range(3, 64):\n  try: os.write(fd, b'\\n{}\\n{}\\n')\n  except OSError: pass",
        FAILED,
    ),
    "last": (ONE, "plt.bar(x, y)", PASS),
}


@pytest.fixture(scope="module")
def verdicts() -> dict[str, ItemScore]:
    cases = CASES.values()
    scores = SCORER.score([item for item, _, _ in cases], [fenced(HEAD + code) for _, code, _ in cases])
    return dict(zip(CASES, scores, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_programs(verdicts: dict[str, ItemScore], name: str) -> None:
    score, (error, executed) = verdicts[name], CASES[name][2]
    assert (score.error, score.metrics["executed"]) == (error, executed)
    assert (score.score, score.parsed) == (float(error is None), True)


def test_metrics(verdicts: dict[str, ItemScore]) -> None:
    scores = [verdicts[name] for name in ("bar", "axes", "exit")]
    scores += SCORER.score([ONE, ONE], ["", "I cannot draw."])
    assert [score.error for score in scores] == [None, "wrong", "failed", "empty", "format"]
    assert SCORER.value(scores) == 20.0
    assert SCORER.metrics(scores) == {"ecr_at_1": 40.0, "parse_at_1": 60.0}


def test_a_program_that_kills_the_others_fails_alone() -> None:
    good, bad = fenced(HEAD + "plt.bar(x, y)"), fenced("import os\nos.kill(-1, 9)")
    scores = SCORER.score([ONE] * 4, [good, bad, good, good])
    assert [score.error for score in scores] == [None, "failed", None, None]


def test_a_program_that_fills_the_disk_fails_alone() -> None:
    fill = "import os\nos.chdir('/tmp')\nfor i in range(99): open(f'x{i}', 'wb').write(bytes(2**23))"
    good = fenced(f"{HEAD}open('chart.png', 'wb').write(bytes(2**22))\nplt.bar(x, y)")
    scores = SCORER.score([ONE] * 3, [good, fenced(fill), good])
    assert [score.error for score in scores] == [None, "failed", None]


def test_without_imports_the_names_of_the_reference_are_known(runner: CodeRunner) -> None:
    code = "df = pd.read_csv(Path('table.csv'))\nplt.bar(df['city'], np.array(df['n']).tolist())"
    assert ChartScorer(runner).score([ONE], [fenced(code)])[0].error is None


def test_runs_that_end_early_are_gone_on_with(runner: CodeRunner) -> None:
    calls: list[int] = []

    def impatient(program: Path, inputs: Path, output: Path) -> None:
        runner(program, inputs, output)
        first, _, _ = output.read_text().partition("\n")
        output.write_text(first + "\n")
        calls.append(len(inputs.read_text().splitlines()))

    codes = [fenced(HEAD + f"plt.bar(x, {ys})") for ys in ("[1, 4]", "y")]
    scores = ChartScorer().bind(impatient).score([ONE] * 2, codes)
    assert [score.error for score in scores] == ["wrong", None]
    assert calls == [2, 1]


def test_golds_are_not_shown_to_programs(runner: CodeRunner) -> None:
    seen: list[str] = []

    def watching(program: Path, inputs: Path, output: Path) -> None:
        seen.append(inputs.read_text())
        runner(program, inputs, output)

    ChartScorer(watching).score([ONE], [fenced("print(1)")])
    (job,) = map(json.loads, seen)
    assert job == {"table": TABLE, "code": "print(1)"}


def test_without_a_runner_nothing_is_run() -> None:
    with pytest.raises(PrerequisiteError, match="untrusted"):
        ChartScorer().score([ONE], [""])


def test_a_machine_that_cannot_draw_is_an_error_and_never_a_zero() -> None:
    def broken(program: Path, inputs: Path, output: Path) -> None:
        raise InputError([Finding(code="failed", gate=0, message="No module named 'x'", where="main.py", fix="-")])

    with pytest.raises(PrerequisiteError, match="No module named 'x'"):
        ChartScorer(broken).score([ONE] * 5, [fenced("a = 1")] * 5)


@pytest.mark.parametrize(
    "answer", ["", "y_references =", "y_references = 3", "[]", "[[1], [2]", "print(1)", "9" * 5000]
)
def test_an_item_whose_gold_answer_cannot_be_read_is_wrong(answer: str) -> None:
    scores = SCORER.score([item(answer)], [""])
    assert [(s.score, s.error) for s in scores] == [(0.0, "bad_gold")]
    assert SCORER.metrics(scores)["unreadable_gold"] == 1.0


@pytest.mark.parametrize(
    ("answer", "series"),
    [
        ("y_references = [[1, 3]]", [[1, 3]]),
        ("y_references= [[1.5], (2, 'a')] ", [[1.5], [2, "a"]]),
        ("y_references = [1, 3]", [[1, 3]]),
        ("y_references = [[1], 3]", [[[1], 3]]),
        ("[['a=b']]", [["a=b"]]),
    ],
)
def test_gold_answers(answer: str, series: list[Any]) -> None:
    assert references(answer) == series


@pytest.mark.parametrize(
    ("drawn", "gold", "same"),
    [
        ([[1.0099]], [[1]], True),
        ([[1.0101]], [[1]], False),
        ([["1"]], [[1.0]], True),
        ([["a"]], [["a"]], True),
        ([["a"]], [["A"]], False),
        ([[1]], [["a"]], False),
        ([[math.nan]], [[1]], False),
        ([[math.inf]], [[1]], False),
        ([[10**400]], [[1]], False),
        ([[None, []]], [[1, 1]], False),
        ([[[1]]], [[[1]]], False),
        ([[1, 2]], [[1]], False),
        ([[1], [2]], [[1]], False),
        ([], [[1]], False),
        ([[]], [[1]], False),
    ],
)
def test_comparison(drawn: list[Any], gold: list[Any], same: bool) -> None:
    assert same_series(drawn, gold) is same


@pytest.mark.parametrize(
    ("output", "code"),
    [
        (fenced("a") + " then " + fenced("b"), "b"),
        (f"<think>{fenced('a')}</think> plt", "a"),
        (fenced("a") + f"{FENCE}python\nb", "a"),
        (f"{FENCE}python {FENCE}", None),
        (f"{FENCE}\nx = 1\n{FENCE}", None),
        (f"{FENCE}\nimport x\n{FENCE}", f"{FENCE}\nimport x\n{FENCE}"),
        ("I updated it.", "I updated it."),
        (" plt.show() ", "plt.show()"),
        ("Sorry.", None),
        ("", None),
    ],
)
def test_extraction(output: str, code: str | None) -> None:
    assert extract_code(output) == code


def test_extraction_is_quick(hostile: str, cpu_seconds: CpuSeconds) -> None:
    assert cpu_seconds(lambda: extract_code(f"{FENCE}python{hostile}{FENCE}python" * 2)) < 1


@given(st.text(), st.text())
def test_extraction_finds_what_the_last_fence_holds(before: str, code: str) -> None:
    found = extract_code(f"{before}\n{fenced(code.replace(FENCE, ''))}")
    assert found is None or found == found.strip() != ""


def test_prompt_and_template_say_the_same() -> None:
    (turn,) = chart.prompt(ONE)
    assert turn["content"].startswith("Write Python code")
    assert "\ncity | n\n--------\na | 1\nb | 3\n" in turn["content"]
    row = {**ONE, "table": json.dumps(TABLE), "qtype": "Visualization", "response": fenced("plt.bar(x, y)")}
    _, answer, rationale = (
        (render(compile_template(r.prompt), row), render(compile_template(r.completion), row))
        for r in chart.SPEC.raw_sources[0].renderings
    )
    assert answer == rationale == (turn["content"], row["response"])


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (f"First.\n{fenced('a')}\nThen.\n{fenced('plt.plot(x, y)')}\nDone.", fenced("plt.plot(x, y)")),
        (fenced("plt.bar(x, height=y)"), ""),
        (fenced("ax.bar(x, y)"), ""),
        (f"{FENCE}python\nplt.bar(x, y)", ""),
        ("plt.bar(x, y)", ""),
        (None, ""),
    ],
)
def test_rows_that_teach_nothing_that_is_seen_are_skipped(response: str | None, answer: str) -> None:
    template = compile_template(chart.SPEC.raw_sources[0].renderings[1].completion)
    assert render(template, {"response": response}) == answer


def test_the_generated_items(twins: Callable[[str], Path]) -> None:
    folder = twins("table/visualization")
    items = [item for split in ("validation", "test") for item in read_jsonl(folder / f"{split}.jsonl")]
    half = len(items) // 2
    (shortcut,) = chart.SPEC.shortcuts
    outputs = [SCORER.gold(item) for item in items] + [shortcut.output] * len(items)
    scores = SCORER.score(items * 2, outputs)
    assert SCORER.value(scores[: 2 * half]) == 100.0
    for split in (scores[2 * half : 3 * half], scores[3 * half :]):
        assert 0 < SCORER.value(split) <= shortcut.at_most
        assert SCORER.metrics(split) == {"ecr_at_1": 100.0, "parse_at_1": 100.0}
    assert len({chart.prompt(item)[0]["content"] for item in items}) == len(items)
    assert (folder / "raw" / raw.FILE).is_file()
