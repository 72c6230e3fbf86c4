"""Which test runs what the pages show: each command, and each block that is more than commands.

An entry is the name of a test, or ``not run: `` with the reason. ``tests/docs/test_shown.py`` holds the pages against
it.
"""

from __future__ import annotations

CI = "tests/docs/test_shown.py::test_the_makefile_and_ci_have_what_the_pages_name"
SUITE = "tests/docs/test_shown.py::test_a_suite_is_read"
CLIENTS = "not run: needs npm and real agent programs: make test-clients plays every recipe; its files are parsed here"
BROWSER = "not run: needs Chromium: tests/ui/clicks.py, which it runs, plays on a recorded run"
SETUP = "not run: it installs packages; .ci/run does it once, before the tests"
FRESH = "not run: it installs packages; scripts/try_install.sh does it on a fresh Debian"
BENCHMARK = "not run: measures for minutes to hours on quiet cores; here only the file and its options are looked up"
FIGURES = "not run: what a benchmark has printed, with its command on the page"
BY_HAND = "not run: a maintainer types it for a release"
GENERATED = "tests/docs/test_generated_pages.py::test_pages_are_up_to_date"
OTHER_TOOL = "not run: a program of others that the tests do not install"
TONIGHT = "tests/docs/test_tutorials.py::test_fine_tune_your_model_tonight"
CONTEST = "tests/docs/test_tutorials.py::test_compare_agents"

PACK = "tests/bench/test_pack.py::test_a_pack_is_equal_where_its_base_models_and_task_are"
LOOP = "tests/docs/test_tutorials.py::test_the_loop_of_the_architecture"
GUIDE = "tests/gateway/test_access.py::test_the_example_of_the_guide_keeps_what_ends_in_the_right_answer"
SUBMISSION = "tests/docs/test_generated_pages.py::test_the_example_of_a_submission_is_read"
PROGRAM = "tests/docs/test_generated_pages.py::test_the_example_of_a_data_program_writes_good_rows"
FOLDER = "tests/docs/test_generated_pages.py::test_the_example_of_a_task_folder_is_a_task"
FORENSICS = "tests/attacks/test_strangers.py::test_an_honest_folder_is_opened"
RECIPE = "tests/docs/test_shown.py::test_a_recipe_is_read"
TRAINING = "tests/docs/test_shown.py::test_a_training_is_read"

TRAINS = "tests/training/program/test_method.py::test_the_example_of_the_documentation_trains_an_adapter"
TRAIN_FILES = "tests/docs/test_generated_pages.py::test_the_example_of_a_training_program_is_read"

COMMANDS: dict[str, list[str]] = {
    "ftdojo": ["tests/cli/test_cli.py::test_it_tells_its_version"],
    "ftdojo agent-docs": ["tests/cli/test_skill.py::test_agent_docs_are_the_skill"],
    "ftdojo bench": [
        "tests/bench/test_contest.py::test_killed_and_run_again_it_ends_with_the_same_leaderboard",
        "tests/bench/test_contest.py::test_a_cluster_that_loses_a_node_ends_with_the_results_of_one_machine",
        "tests/bench/two_nodes.py::main",
        CONTEST,
    ],
    "ftdojo bench pack": ["tests/bench/test_pack.py::test_two_packs_of_a_contest_are_the_same_bytes"],
    "ftdojo bench run": ["tests/bench/test_contest.py::test_killed_and_run_again_it_ends_with_the_same_leaderboard"],
    "ftdojo bench verify": [PACK],
    "ftdojo call": [
        "tests/outside/test_outside.py::test_over_http_the_path_is_secret_and_ctrl_c_leaves_a_run_to_resume"
    ],
    "ftdojo chat": ["tests/cli/test_chat.py::test_both_answers_stand_side_by_side"],
    "ftdojo compare": [
        "tests/cli/test_compare.py::test_scores_of_runs_stand_beside_what_needs_no_training",
        "tests/cli/test_compare.py::test_the_exit_status_is_for_programs",
        "tests/cli/test_compare.py::test_the_metric_of_other_harnesses_is_chosen_with_its_filter",
    ],
    "ftdojo data prepare": ["tests/cli/test_data.py::test_published_data_is_fetched_once_and_then_needs_no_network"],
    "ftdojo data show": ["tests/cli/test_data.py::test_tables_for_people"],
    "ftdojo doctor": ["tests/cli/test_cli.py::test_doctor_proves_the_machine"],
    "ftdojo export": [
        "tests/record/test_older_runs.py::test_the_best_model_is_exported_in_both_forms",
        "tests/audit/test_export.py::test_a_run_is_exported_for_llama_cpp_and_every_file_is_asked",
        TONIGHT,
    ],
    "ftdojo extend": ["tests/cli/test_runs.py::test_more_time_is_given_on_the_command_line"],
    "ftdojo finish": ["tests/cli/test_runs.py::test_an_interrupted_run_is_finished_with_what_it_has"],
    "ftdojo glossary": ["tests/cli/test_prerequisites.py::test_the_glossary_explains_a_word"],
    "ftdojo judge": [
        "tests/cli/test_judge.py::test_predictions_are_judged_and_the_score_is_corrected",
        "tests/cli/test_judge.py::test_files_are_named_where_the_folder_has_none",
    ],
    "ftdojo mcp": [
        "tests/outside/test_outside.py::test_the_example_plays_an_episode_to_its_sealed_score",
        "tests/outside/test_outside.py::test_over_http_the_path_is_secret_and_ctrl_c_leaves_a_run_to_resume",
        "tests/outside/test_started.py::test_an_agent_that_fails_at_once_has_no_result",
    ],
    "ftdojo model check": ["tests/cli/test_model.py::test_a_smaller_card_holds_fewer_rows_or_none"],
    "ftdojo predict": [
        "tests/cli/test_predict.py::test_a_local_model_answers_and_its_answers_are_scored",
        "tests/cli/test_predict.py::test_a_served_model_answers_what_is_missing",
    ],
    "ftdojo report": [
        "tests/record/test_older_runs.py::test_a_report_is_written",
        "tests/report/test_plot_files.py::test_the_command_writes_equal_bytes_every_time",
    ],
    "ftdojo run": [
        "tests/gateway/test_access.py::test_a_killed_run_is_resumed_and_charged_once",
        "tests/record/test_older_runs.py::test_recorded_answers_of_language_models_are_used_again",
        "tests/docs/test_plugins_page.py::test_the_agent_engine_and_scorer_of_the_page_play_an_episode",
        "tests/episode/test_guard.py::test_what_forgets_is_rejected_with_the_reason_and_what_keeps_is_accepted",
        "tests/episode/test_teachers.py::test_a_program_keeps_what_the_base_model_answers_rightly",
        "tests/cli/test_cli.py::test_usage_errors_say_what_to_do",
        "tests/cli/test_runs.py::test_a_run_without_time_ends_with_status_1_and_says_what_to_type",
        "tests/episode/test_judged_run.py::test_kill_9_in_a_judged_run_and_the_same_command_give_the_same_result",
        TONIGHT,
    ],
    "ftdojo runs": ["tests/cli/test_runs.py::test_runs_are_listed_with_their_state", CONTEST],
    "ftdojo samples": ["tests/cli/test_runs.py::test_samples_are_written_for_another_tool"],
    "ftdojo score": ["tests/cli/test_cli.py::test_score_reads_files_and_leaves_torch_alone"],
    "ftdojo setup": ["tests/cli/test_prerequisites.py::test_setup_names_the_packages_that_are_missing"],
    "ftdojo skill install": ["tests/cli/test_skill.py::test_a_skill_is_installed_where_the_agent_looks"],
    "ftdojo task check": ["tests/cli/test_cli.py::test_a_new_task_passes_its_own_check", TONIGHT],
    "ftdojo task new": ["tests/cli/test_from_table.py::test_a_table_becomes_a_model_in_three_commands", TONIGHT],
    "ftdojo task show": ["tests/cli/test_data.py::test_tables_for_people"],
    "ftdojo tasks": ["tests/cli/test_cli.py::test_tasks_are_listed"],
    "ftdojo ui": ["tests/ui/test_ui.py::test_the_command_prints_an_address_that_works"],
    "ftdojo validate": [
        "tests/cli/test_cli.py::test_validate_passes_a_good_submission_and_names_the_gate_of_a_bad_one"
    ],
    "ftdojo verify": ["tests/cli/test_verify_command.py::test_a_run_is_audited_and_an_edited_result_is_not_accepted"],
    "make install": [SETUP],
    "make check": [CI],
    "make test": [CI],
    "make demo": ["tests/episode/test_real_episode.py::test_the_users_task_improves"],
    "make demo-chemistry": ["tests/episode/test_real_episode.py::test_the_users_task_improves"],
    "make docs-generate": [GENERATED],
    "make docs": [SETUP],
    "make bench": [BENCHMARK],
    "make fuzz": ["tests/fuzz/test_fuzz.py::test_hostile_text"],
    "make coverage": ["not run: the tests themselves, with their coverage"],
    "make test-clients": [CLIENTS],
    "make test-browser": [BROWSER],
    "make test-models": ["tests/models/test_matrix.py::test_greedy_answers"],
    "make test-newest": [SETUP],
    "make test-slow": ["not run: minutes of training with the real model, before a release"],
    "bash .ci/run": [CI],
    ". .venv/bin/activate": [SETUP],
    "pip install": [SETUP],
    "uv sync": [SETUP],
    "pre-commit install": [SETUP],
    "pytest": [CI],
    "python -m": [BY_HAND],
    "python benchmarks/*": [BENCHMARK],
    "bash benchmarks/*": [BENCHMARK],
    "python train.py": [TRAINS],
    "python docs/generate_*": [GENERATED],
    "python examples/mcp_client.py": [
        "tests/outside/test_outside.py::test_the_example_plays_an_episode_to_its_sealed_score"
    ],
    "python play_agents.py": [CLIENTS],
    "python play_pydantic_ai.py": [CLIENTS],
    "python process_data.py": [PROGRAM],
    "git tag": [BY_HAND],
    "twine": [BY_HAND],
    "docker container": [OTHER_TOOL],
    **{program: [CLIENTS] for program in ("claude", "codex", "gemini", "opencode", "openhands")},
    **{program: [OTHER_TOOL] for program in ("ollama", "vllm", "tensorboard", "inspect")},
}
"""Short name of a command -> what runs it: every option that a page shows is in the file of one of these tests."""

OPTIONS: dict[str, str] = {
    "ftdojo --install-completion": "not run: it changes the settings of a user's shell",
    "ftdojo bench --dry-run": "tests/docs/test_tutorials.py::test_the_plan_of_the_contest",
    "ftdojo bench --gpus": "not run: needs a GPU",
    "ftdojo bench pack --out": "tests/bench/test_pack.py::contest",
    "ftdojo bench verify --task": PACK,
    "ftdojo bench verify --model": PACK,
    "ftdojo export --quant": "tests/audit/test_export.py::test_a_run_is_exported_for_llama_cpp_and_every_file_is_asked",
    "ftdojo mcp --budget": "tests/outside/conftest.py::options",
    "ftdojo task new --system": "tests/data/test_intake.py::test_several_turns_and_a_system_text_stand_in_the_prompt",
    "ftdojo ui --port": "not run: a fixed port may be taken; the tests let the system choose one",
    "ftdojo verify --expect": FORENSICS,
    "ftdojo verify --regenerate": FORENSICS,
    "ftdojo verify --remake": "tests/audit/test_verify.py::test_rows_are_made_again_by_the_program_that_was_submitted",
    "ftdojo verify --sample": FORENSICS,
}
"""Options that stand in no file of their command's tests -> what runs them in another way, or why they are not run."""

BLOCKS: dict[str, dict[str, str]] = {
    "README.md": {
        "support/tickets": "tests/docs/test_shown.py::test_the_end_of_the_demo_names_the_next_commands",
        "from pathlib import Path": "tests/docs/test_readme.py::test_the_python_example_works",
    },
    "docs/agent.md": {'{"key": "recipe.sources.fg_count.where"': "not run: cut out of the run that the page describes"},
    "docs/architecture.md": {"observation = dojo.reset()": LOOP},
    "docs/cli.md": {'name = "first"': SUITE},
    "docs/compare-agents.md": {'name = "first"': SUITE},
    "docs/contest.md": {'name = "mine"': SUITE},
    "docs/data-programs.md": {"import argparse": GUIDE, "sources:": RECIPE, "sample:": RECIPE},
    "docs/install.md": {"python3 -m venv .venv": FRESH},
    "docs/numbers.md": {"test accuracy ": "tests/docs/test_shown.py::test_a_score_has_the_form_that_the_page_explains"},
    "docs/outside-agents.md": {
        "[mcp_servers.ftdojo]": CLIENTS,
        "{": CLIENTS,
        "import asyncio": CLIENTS,
    },
    "docs/performance.md": {
        "memory: median error": FIGURES,
        "model        what": FIGURES,
        "gates  34 submissions": FIGURES,
    },
    "docs/plugins.md": {
        "# file: ": "tests/docs/test_plugins_page.py::test_the_agent_engine_and_scorer_of_the_page_play_an_episode"
    },
    "docs/preferences.md": {
        "[rules]": "tests/docs/test_shown.py::test_rules_are_read",
        "# file: process_data.py": "tests/training/dpo/test_run.py::test_the_program_of_the_page_writes_good_pairs",
        "# file: train.yaml": TRAINING,
        "sources:": RECIPE,
        "pairs: sample": RECIPE,
        '{"prompt": "May Ann': "tests/docs/test_shown.py::test_a_judged_answer_is_read",
        "sigmoid  loss ours": FIGURES,
    },
    "docs/prompts.md": {
        "default: |": "tests/contract/test_prompts.py::test_the_example_of_the_page_is_read",
        '{"tools":': "tests/docs/test_shown.py::test_a_row_is_read",
    },
    "docs/reference/plan.md": {"parent: 0": SUBMISSION},
    "docs/reference/process_data.md": {"import argparse": PROGRAM},
    "docs/reference/recipe.md": {"sources:": SUBMISSION},
    "docs/reference/suite.md": {'name = "chemistry"': SUITE},
    "docs/reference/task-folder.md": {
        'id = "own/approve"': FOLDER,
        '{"request":': FOLDER,
    },
    "docs/reference/train-preferences.md": {"method: dpo": TRAINING},
    "docs/reference/train-program.md": {"method: program": TRAIN_FILES, "import json": TRAIN_FILES},
    "docs/training-programs.md": {
        "[rules]": "tests/docs/test_shown.py::test_rules_are_read",
        '{"step": 1': TRAINS,
        "# file: ": TRAINS,
    },
    "docs/reference/train-rewards.md": {"method: grpo": TRAINING},
    "docs/reference/train.md": {
        "method: lora": TRAINING,
        "start: best": TRAINING,
    },
    "docs/reliability.md": {
        "200 kills in 28 runs": FIGURES,
        "50 of 50 servers": FIGURES,
        "python benchmarks/kills.py --real": FIGURES,
    },
    "docs/rewards.md": {
        "[rules]": "tests/docs/test_shown.py::test_rules_are_read",
        "sources:": RECIPE,
        "# file: process_data.py": "tests/training/grpo/test_run.py::test_the_program_of_the_page_writes_good_items",
        "# file: train.yaml": TRAINING,
        "loss=dapo": FIGURES,
    },
    "docs/scaling.md": {
        "40 jobs that only start": FIGURES,
        "sharding: none:": FIGURES,
        "# train.yaml": TRAINING,
    },
    "docs/scorers.md": {
        "import ftdojo": "tests/docs/test_shown.py::test_results_are_read_as_frames",
        "$ ftdojo judge": "tests/cli/test_judge.py::test_the_page_shows_what_follows_from_its_figures",
        'scorer = "judge"': "tests/judge/test_in_run.py::test_the_keys_of_the_page_make_a_judged_task",
    },
}
"""Page -> the beginning of a block that is more than commands -> what runs it."""
