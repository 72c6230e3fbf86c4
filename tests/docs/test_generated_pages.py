"""Pages that are generated are what their generators print, and the examples in them are what they claim to be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def generated(script: str, expression: str) -> Any:
    """The value of an expression over the names of a generator, which is run in a process of its own."""
    code = f"import json, {script}; print(json.dumps({script}.{expression}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(DOCS)},
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def examples() -> dict[str, str]:
    """All example files of the reference, name -> content."""
    pages = generated("generate_reference", "EXAMPLES")
    return {name: content for page in pages for name, content in page.items()}


@pytest.fixture
def written(examples: dict[str, str], tmp_path: Path) -> Path:
    """A folder with all of them."""
    for name, content in examples.items():
        (tmp_path / name).write_text(content, "utf-8")
    return tmp_path


@pytest.mark.parametrize("script", ["generate_api", "generate_cli", "generate_reference", "generate_tasks"])
def test_pages_are_up_to_date(script: str) -> None:
    for name, text in generated(script, "pages()").items():
        assert text == (DOCS / name).read_text("utf-8"), f"docs/{name}: run `make docs-generate`"


def test_every_key_is_described() -> None:
    for name, text in generated("generate_reference", "pages()").items():
        assert not [line for line in text.splitlines() if line.endswith("|  |")], name


def test_every_page_below_reference_is_generated() -> None:
    pages = generated("generate_reference", "pages()")
    assert {f"reference/{path.name}" for path in (DOCS / "reference").iterdir()} == set(pages)


def test_the_example_of_a_submission_is_read(written: Path) -> None:
    from ftdojo.contract import submission

    (written / "process_data.py").unlink()  # a submission has one data program
    (written / "train.py").unlink()  # and only one method has a training program
    found = submission.load(written)
    assert not isinstance(found.program, str)
    assert (found.plan.parent, found.train.method, len(found.program.sources)) == (0, "lora", 1)


def test_the_example_of_a_training_program_is_read(written: Path) -> None:
    from ftdojo.contract.methods import parse_config
    from ftdojo.schema import read_file

    data = read_file(written / "train-program.yaml")
    read = parse_config(data, where="train.yaml", script=written / "train.py")
    assert read.script == (written / "train.py").read_text("utf-8")
    compile(read.script, "train.py", "exec")


def test_the_example_of_a_data_program_writes_good_rows(written: Path) -> None:
    from ftdojo.contract.row import parse_row

    options = ["--input", str(written), "--output", str(written / "rows.jsonl"), "--limit", "5"]
    subprocess.run([sys.executable, str(written / "process_data.py"), *options], check=True)
    rows = [json.loads(line) for line in (written / "rows.jsonl").read_text("utf-8").splitlines()]
    assert [parse_row(row).completion for row in rows] == ["yes", "no"]


def test_the_example_of_a_task_folder_is_a_task(written: Path) -> None:
    from ftdojo import tasks

    task = tasks.get(str(written))
    assert (task.spec.id, task.spec.rules.max_rows) == ("own/approve", 500)


def test_the_example_of_a_suite_has_jobs(written: Path) -> None:
    from ftdojo.bench.suite import Suite

    assert len(Suite.load(written / "suite.toml").jobs()) == 18  # two tasks, three agents, three seeds
