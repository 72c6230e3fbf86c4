"""The claims of the README: a test runs every command that it shows, and its Python example works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
NAMED_OF = {"task", "data", "model"}
"""Commands that have sub-commands."""
RUN_BY = {
    "make install": "by .ci/run, before the tests",
    "make test": "by .ci/run",
    "make demo": "tests/episode/test_real_episode.py::test_the_users_task_improves",
    "make demo-chemistry": "tests/episode/test_real_episode.py::test_the_users_task_improves",
    "ftdojo run": "tests/gateway/test_access.py::test_a_killed_run_is_resumed_and_charged_once",
    "ftdojo tasks": "tests/cli/test_cli.py::test_tasks_are_listed",
    "ftdojo task show": "tests/cli/test_data.py::test_tables_for_people",
    "ftdojo task new": "tests/cli/test_from_table.py::test_a_table_becomes_a_model_in_three_commands",
    "ftdojo task check": "tests/cli/test_cli.py::test_a_new_task_passes_its_own_check",
    "ftdojo data prepare": "tests/cli/test_data.py::test_published_data_is_fetched_once_and_then_needs_no_network",
    "ftdojo data show": "tests/cli/test_data.py::test_tables_for_people",
    "ftdojo validate": "tests/cli/test_cli.py::test_validate_passes_a_good_submission_and_names_the_gate_of_a_bad_one",
    "ftdojo predict": "tests/cli/test_predict.py::test_a_local_model_answers_and_its_answers_are_scored",
    "ftdojo score": "tests/cli/test_cli.py::test_score_reads_files_and_leaves_torch_alone",
    "ftdojo bench": "tests/bench/test_contest.py::test_killed_and_run_again_it_ends_with_the_same_leaderboard",
    "ftdojo mcp": "tests/outside/test_outside.py::test_the_example_plays_an_episode_to_its_sealed_score",
    "ftdojo call": "tests/outside/test_outside.py::test_over_http_the_path_is_secret_and_ctrl_c_leaves_a_run_to_resume",
    "ftdojo report": "tests/record/test_older_runs.py::test_a_report_is_written",
    "ftdojo export": "tests/record/test_older_runs.py::test_the_best_model_is_exported_in_both_forms",
    "ftdojo verify": "tests/cli/test_verify_command.py::test_a_run_is_audited_and_an_edited_result_is_not_accepted",
    "ftdojo chat": "tests/cli/test_chat.py::test_both_answers_stand_side_by_side",
    "ftdojo compare": "tests/cli/test_compare.py::test_scores_of_runs_stand_beside_what_needs_no_training",
    "ftdojo model check": "tests/cli/test_model.py::test_a_model_that_can_be_trained",
    "ftdojo runs": "tests/cli/test_runs.py::test_runs_are_listed_with_their_state",
    "ftdojo finish": "tests/cli/test_runs.py::test_an_interrupted_run_is_finished_with_what_it_has",
    "ftdojo ui": "tests/ui/test_ui.py::test_the_command_prints_an_address_that_works",
    "ftdojo samples": "tests/cli/test_runs.py::test_samples_are_written_for_another_tool",
    "ftdojo setup": "tests/cli/test_prerequisites.py::test_setup_names_the_packages_that_are_missing",
    "ftdojo glossary": "tests/cli/test_prerequisites.py::test_the_glossary_explains_a_word",
    "ftdojo doctor": "tests/cli/test_cli.py::test_doctor_proves_the_machine",
}
"""Command of the README -> the test that runs it. The demos take minutes: ``make test-slow`` runs the same loop."""


def shown() -> set[str]:
    """The commands in blocks and tables, each with its sub-command."""
    lines = [line.strip() for line in README.splitlines() if line.startswith("    ")]
    lines += re.findall(r"`((?:ftdojo|make) [^`]+)`", README)
    words = [line.removeprefix(".venv/bin/").split() for line in lines]
    commands = [w for w in words if len(w) > 1 and w[0] in {"ftdojo", "make"}]
    return {" ".join(w[:3] if w[1] in NAMED_OF else w[:2]) for w in commands}


def test_a_test_runs_every_command() -> None:
    assert shown() <= RUN_BY.keys()


@pytest.mark.parametrize("named", sorted({test for test in RUN_BY.values() if "::" in test}))
def test_the_named_tests_exist(named: str) -> None:
    file, _, name = named.partition("::")
    assert f"def {name}(" in (ROOT / file).read_text("utf-8")


def test_the_python_example_works(
    approve: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it stands, but for the task and the model, so that it takes seconds."""
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    given = f'RunOptions(task="{approve}", model="{tiny_model}", submissions=1, '
    changed = example.replace('RunOptions(task="chemistry/mol_und", ', given)
    assert changed != example
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FTDOJO_HOME", str(tmp_path / "home"))
    exec(compile(changed, "README.md", "exec"), {"__name__": "__main__"})
    assert re.search(r"accuracy \d", capsys.readouterr().out)
