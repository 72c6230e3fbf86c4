"""The command line as a user meets it: results, messages, exit statuses. Nearly every command is a real process."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ftdojo.cli import limit_spinning
from ftdojo.cli.main import app
from submissions import write_submission

ADAPTER = {"method": "lora", "learning_rate": 0.001, "epochs": 1}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FTDOJO_HOME", str(tmp_path / "home"))
    return tmp_path


def ftdojo(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ftdojo", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def refused(*arguments: object, status: int) -> str:
    done = ftdojo(*arguments)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


def document(*arguments: object, status: int = 0) -> Any:
    done = ftdojo(*arguments, "--json")
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout)


def write_adapter(folder: Path, train: dict[str, Any] | None = None, **changes: Any) -> Path:
    return write_submission(folder, train={**ADAPTER, **(train or {})}, **changes)


def test_no_help_is_lost_as_markup() -> None:
    """Rich reads brackets as markup, and drops what it takes for a tag."""
    from rich.text import Text
    from typer.main import get_command

    def texts(command: Any) -> list[str]:
        own = [p.help for p in command.params if getattr(p, "help", None)]
        return own + [text for child in getattr(command, "commands", {}).values() for text in texts(child)]

    found = texts(get_command(app))
    assert len(found) > 40
    assert [text for text in found if Text.from_markup(text).plain != text] == []


def test_it_tells_its_version() -> None:
    assert ftdojo("--version").stdout == f"ftdojo {importlib.metadata.version('ftdojo')}\n"


def test_threads_that_wait_sleep_soon_unless_the_user_says_how_they_wait() -> None:
    for given, expected in (({}, "5000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, None)):
        environment: dict[str, str] = dict(given)
        limit_spinning(environment)
        assert environment.get("GOMP_SPINCOUNT") == expected


def test_help_teaches() -> None:
    assert "ftdojo run chemistry/mol_und" in ftdojo("--help").stdout
    assert "score them fairly" in ftdojo("--help").stdout
    assert "to resume" in ftdojo("run", "--help").stdout


def test_tasks_are_listed() -> None:
    (task,) = [t for t in document("tasks") if t["id"] == "chemistry/mol_und"]
    assert set(task) == {"id", "domain", "metric", "higher_is_better", "subtasks", "variants"}
    assert (task["metric"], task["higher_is_better"], len(task["subtasks"])) == ("accuracy", True, 5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "chemistry/mol_und_"], "chemistry/mol_und"),
        (["run", "chemistry/mol_und", "--model", "smollm2-136m"], "did you mean 'smollm2-135m'?"),
        (["run", "chemistry/mol_und", "--planner", "playbok"], "did you mean 'playbook'?"),
        (["run", "chemistry/mol_und", "--agent", "ftagent"], "did you mean 'ft-agent'?"),
        (["run", "chemistry/mol_und", "--data", "twn"], "twin"),
        (["run", "chemistry/mol_und", "--data-llm", "gpt-5"], "weak=openai:gpt-5-mini"),
        (["run", "chemistry/mol_und", "--base-url", "http://127.0.0.1:1/v1"], "--base-url has no effect"),
        (["run", "chemistry/mol_und", "--budget", "soon"], "45s, 30m"),
        (["run", "chemistry/mol_und", "--budget", "10"], "write 10m for minutes"),
        (["score", "chemistry/mol_und", "--items", "no.jsonl", "--predictions", "no.jsonl"], "no.jsonl"),
        (["validate", "nowhere", "--task", "chemistry/mol_und"], "not a folder"),
        (["report", "nowhere"], "holds no run"),
        (["export", "nowhere", "out"], "holds no run"),
        (["run", "chemistry/mol_und", "--agent", "tpe", "--planner", "openai:x"], "has no planner"),
        (["run"], "TASK"),
        (["rn"], "run"),
        (["run", "chemistry/mol_und", "--budget", "ten"], "write a number with its unit"),
        (["task", "new", "x", "--into", "rows.csv"], "rows.csv is a file, not a folder"),
        (["report", "."], "`ftdojo runs .` lists the runs below it"),
    ],
)
def test_usage_errors_say_what_to_do(
    home: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(home)
    Path("rows.csv").write_text("question,answer\n")
    assert message in refused(*arguments, status=2)


def test_errors_are_documents_too(home: Path) -> None:
    error = document("run", "nowhere", status=2)["error"]
    assert error["type"] == "UsageError"
    assert error["fix"]


def test_score_reads_files_and_leaves_torch_alone(home: Path) -> None:
    items = [
        {"id": "a", "query": "…", "gt": "2", "task": "mol_und", "subtask": "ring_count", "meta": "{}"},
        {"id": "b", "query": "…", "gt": "Yes", "task": "mol_und", "subtask": "equivalence", "meta": "{}"},
    ]
    predictions = [{"id": "b", "output": '{"output": "No"}'}, {"id": "a", "output": '{"count": "2"}'}]
    for name, rows in [("items", items), ("predictions", predictions)]:
        (home / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = [
        "score",
        "chemistry/mol_und",
        "--items",
        home / "items.jsonl",
        "--predictions",
        home / "predictions.jsonl",
    ]
    report = document(*arguments)
    assert (report["metric"], report["value"], report["n"], report["parsed"]) == ("accuracy", 50.0, 2, 1.0)
    assert report["interval"][0] <= 50 <= report["interval"][1]
    assert report["subtasks"]["ring_count"] == {"metric": "accuracy", "value": 100.0, "n": 1}
    assert report["items"][1].items() >= {"id": "b", "score": 0.0, "parsed": True, "error": "wrong"}.items()
    assert report["metrics"]["ring_count.mae"] == 0

    program = "import sys; from ftdojo.cli import main\ntry: main()\nfinally: assert 'torch' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    assert "accuracy 50.00" in done.stdout


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('{"id": "a"}', "no text 'output'"),
        ('{"id": "zz", "output": ""}', "no item has the id 'zz'"),
        ('{"id": "a", "output": ""}\n{"id": "a", "output": ""}', "second prediction"),
        ("{", "not JSON"),
        ("", "no rows"),
    ],
)
def test_faulty_predictions_are_findings(home: Path, lines: str, message: str) -> None:
    item = {"id": "a", "query": "…", "gt": "2", "task": "mol_und", "subtask": "ring_count", "meta": "{}"}
    (home / "items.jsonl").write_text(json.dumps(item))
    (home / "p.jsonl").write_text(lines)
    arguments = ["score", "chemistry/mol_und", "--items", home / "items.jsonl", "--predictions", home / "p.jsonl"]
    assert message in refused(*arguments, status=1)


def test_no_task_id_is_cut_in_a_pipe() -> None:
    """A table was as wide as 80 columns in a pipe, and long ids lost their end."""
    lines = ftdojo("tasks").stdout.splitlines()
    assert {line.split()[0] for line in lines[1:]} == {task["id"] for task in document("tasks")}


def test_a_new_task_passes_its_own_check(home: Path) -> None:
    folder = document("task", "new", "reviews", "--into", home)["folder"]
    assert document("task", "check", folder)["ok"]
    said = ftdojo("task", "check", folder).stdout
    assert "the right answers score" in said
    assert "training pair" in said
    assert "Probe(" not in said
    assert "name=" not in said
    ok, following = said.splitlines()[-2:]
    assert ok.startswith("ok: the task can be used")
    assert following.startswith("run it with: ftdojo run ")
    assert document("task", "show", folder)["id"].endswith("/reviews")


def test_a_task_scored_by_its_own_code_runs_it_in_the_sandbox(home: Path) -> None:
    folder = Path(document("task", "new", "own", "--into", home)["folder"])
    (folder / "scorer.py").write_text(
        "import os\ndef score(item, output):\n    assert not os.path.exists('/etc/passwd')\n"
        "    return float(output.strip() == item['label'])\n"
    )
    text = (folder / "task.toml").read_text()
    for line, instead in [("scorer =", 'scorer = "scorer.py"'), ("choices =", "")]:
        text = text.replace(_line(text, line), instead)
    (folder / "task.toml").write_text(text)
    assert document("task", "check", folder)["ok"]


def _line(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(start))


def test_validate_passes_a_good_submission_and_names_the_gate_of_a_bad_one(
    home: Path, approve: Path, tiny_model: Path
) -> None:
    options = ["--task", str(approve), "--model", str(tiny_model), "--json"]

    def verdict(folder: Path, status: int) -> Any:
        done = CliRunner().invoke(app, ["validate", str(folder), *options], catch_exceptions=False)
        assert done.exit_code == status, done.output
        return json.loads(done.stdout)

    good = document("validate", write_adapter(home / "good"), *options[:-1])
    assert (good["ok"], good["gate"], sorted(good["seconds"])) == (True, None, ["0", "1", "2", "3", "4", "5"])
    cases: list[tuple[str, dict[str, Any], int, str]] = [
        ("key", {"train": {"learning_rat": 1}}, 0, "unknown_key"),
        ("both", {"train": {"lora": {"rnk": 1}, "epochs": 0}}, 0, "unknown_key"),
        ("method", {"train": {"method": "qlroa"}}, 0, "bad_value"),
        ("length", {"train": {"max_length": 100_000}}, 1, "max_length_over_context"),
        ("source", {"source": {"path": "trian.jsonl"}}, 1, "missing_source"),
        ("rows", {"recipe": {"max_rows": 5000}}, 1, "too_many_rows"),
        ("constant", {"source": {"completion": "x"}}, 2, "constant_answer"),
        ("short", {"train": {"max_length": 8}}, 3, "no_labels"),
        ("targets", {"train": {"lora": {"targets": ["nothing"]}}}, 1, "bad_targets"),
    ]
    for name, changes, gate, code in cases:
        bad = verdict(write_adapter(home / name, **changes), 1)
        assert (bad["ok"], bad["gate"]) == (False, gate), name
        assert code in [f["code"] for f in bad["findings"]], name
        assert all(f["fix"] and f["where"] for f in bad["findings"])


@pytest.mark.usefixtures("embedded")
def test_doctor_proves_the_machine() -> None:
    checks = {check["name"]: check["ok"] for check in document("doctor")["checks"]}
    assert checks["embedded model"]
    assert checks["training"]
    assert checks["task family chemistry"]
    assert all(ok for name, ok in checks.items() if name.startswith("sandbox"))


def test_rows_without_ids_are_scored_in_their_order(tmp_path: Path) -> None:
    """``eval.jsonl`` of a task folder has none."""
    ftdojo("task", "new", "mine", "--into", tmp_path)
    items = tmp_path / "mine/eval.jsonl"
    rows = [json.loads(line) for line in items.read_text("utf-8").splitlines()]
    assert not any("id" in row for row in rows)
    path = tmp_path / "p.jsonl"
    path.write_text("".join(json.dumps({"output": row["label"]}) + "\n" for row in rows))
    assert document("score", tmp_path / "mine", "--items", items, "--predictions", path)["value"] == 100
    path.write_text(json.dumps({"id": "1", "output": "x"}) + "\n" + json.dumps({"output": "x"}) + "\n")
    error = document("score", tmp_path / "mine", "--items", items, "--predictions", path, status=1)["error"]
    assert "row 2: has no 'id'" in error["message"]
