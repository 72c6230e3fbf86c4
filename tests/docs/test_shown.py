"""What the pages show is run by a test or says why not: every command, every block. Cheap checks are made here."""

from __future__ import annotations

import ast
import fnmatch
import functools
import json
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

import ftdojo
from ftdojo.bench.suite import Suite
from ftdojo.cli.console import out
from ftdojo.cli.options import read_options
from ftdojo.contract.methods import find_config
from ftdojo.contract.options import RunOptions
from ftdojo.contract.recipe import Recipe
from ftdojo.contract.row import parse_row
from ftdojo.report import next_table, view
from ftdojo.stats.interval import stratified_mean
from ftdojo.training.dpo.judged import parse_judged
from pages import ROOT, Block, blocks, inline_commands, options_of, parse, short_name
from shown import BLOCKS, COMMANDS, OPTIONS

ADD = "add it to tests/shown.py with the test that runs it, or with 'not run: ' and the reason"
SHOWN = list(blocks())
IN_BLOCKS = [(f"{block.page}:{line}", words) for block in SHOWN for line, words in block.commands()]
IN_SENTENCES = [(place, [w for w in words if w != "…"]) for place, words in inline_commands()]
HERE = "tests/docs/test_shown.py::"


def entry(words: list[str]) -> list[str]:
    """What runs a command, by the table; empty if it is not there."""
    name = short_name(words)
    return next((tests for pattern, tests in COMMANDS.items() if fnmatch.fnmatchcase(name, pattern)), [])


def runner(block: Block) -> str:
    """What runs a block, by the table; empty if it is not there."""
    entries = BLOCKS.get(block.page, {})
    return next((test for start, test in entries.items() if block.first.startswith(start)), "")


def run_by(test: str) -> list[Block]:
    """The blocks that a test of this file checks."""
    return [block for block in SHOWN if runner(block) == HERE + test]


def test_a_test_runs_every_command_or_the_table_says_why_not() -> None:
    missing = [f"{place}: {' '.join(words)}" for place, words in IN_BLOCKS + IN_SENTENCES if not entry(words)]
    assert not missing, f"{ADD}, under COMMANDS:\n" + "\n".join(missing)


def test_a_test_runs_every_block_or_the_table_says_why_not() -> None:
    usage = re.compile(r"ftdojo .*\[OPTIONS\]")  # a generated line of docs/cli.md
    held = [block for block in SHOWN if block.is_commands() or usage.match(block.first) or runner(block)]
    missing = [f"{block.page}:{block.line}: {block.first}" for block in SHOWN if block not in held]
    assert not missing, f"{ADD}, under BLOCKS:\n" + "\n".join(missing)


def test_nothing_in_the_table_has_gone() -> None:
    names = {short_name(words) for _, words in IN_BLOCKS + IN_SENTENCES}
    assert [pattern for pattern in COMMANDS if not fnmatch.filter(names, pattern)] == []
    starts = [(page, start) for page, entries in BLOCKS.items() for start in entries]
    assert [s for s in starts if not any(b.page == s[0] and b.first.startswith(s[1]) for b in SHOWN)] == []


@functools.cache
def functions(file: str) -> set[str]:
    return {n.name for n in ast.walk(ast.parse((ROOT / file).read_text("utf-8"))) if isinstance(n, ast.FunctionDef)}


def test_the_named_tests_exist_and_reasons_are_given() -> None:
    named = {test for tests in COMMANDS.values() for test in tests}
    named |= set(OPTIONS.values())
    named |= {test for entries in BLOCKS.values() for test in entries.values()}
    for one in named:
        if not one.startswith("not run: "):
            file, _, name = one.partition("::")
            assert name in functions(file), one


def test_every_option_that_is_shown_is_used_by_a_named_test() -> None:
    used: dict[str, str] = {}
    for name, tests in COMMANDS.items():
        files = {test.partition("::")[0] for test in tests if "::" in test}
        used[name] = "".join((ROOT / file).read_text("utf-8") for file in files)
    missing = {
        f"{short_name(words)} {option}: {place}"
        for place, words in IN_BLOCKS + IN_SENTENCES
        for option in options_of(words)
        if words[0] == "ftdojo"
        and not _is_used(option, used[short_name(words)])
        and f"{short_name(words)} {option}" not in OPTIONS
    }
    assert not missing, f"{ADD}, under COMMANDS or OPTIONS:\n" + "\n".join(sorted(missing))


def _is_used(option: str, source: str) -> bool:
    """Whether a test's file has the option of a command line or the parameter of that name."""
    return re.search(rf'{option}\b|\b{option[2:].replace("-", "_")}(=|": )', source) is not None


@pytest.mark.parametrize(("place", "words"), IN_BLOCKS, ids=[place for place, _ in IN_BLOCKS])
def test_a_line_is_a_command_as_it_stands(place: str, words: list[str]) -> None:
    if words[0] == "ftdojo":
        given = parse(words)
        if "wall_s" in given:
            known = {name: value for name, value in given.items() if name in RunOptions.model_fields}
            assert read_options(known | {"task": given.get("task") or "x/y"})
    for word in words[1:]:
        if re.match(r"(examples|benchmarks|docs|packages)/", word.removeprefix("./")):
            assert (ROOT / word).exists(), f"{place}: there is no {word}"
        if re.fullmatch(r"(biology|chemistry|finance|math|patent|table)/\w+", word):
            assert ftdojo.get_task(word)
    if words[0] == "python" and words[1].startswith("benchmarks/"):
        script = (ROOT / words[1]).read_text("utf-8")
        assert [option for option in options_of(words) if f'"{option}"' not in script] == []


def test_the_makefile_and_ci_have_what_the_pages_name() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {words[1] for _, words in IN_BLOCKS + IN_SENTENCES if words[0] == "make"}
    assert named <= targets
    assert {"make check", "make test"} <= set(re.findall(r"make \w+", (ROOT / ".ci/run").read_text("utf-8")))


def test_what_is_installed_has_a_name_that_the_index_or_the_repository_has() -> None:
    """ftdojo is on no package index: it is installed from a copy of the repository."""
    commands = [(place, words) for place, words in IN_BLOCKS + IN_SENTENCES if words[:2] == ["pip", "install"]]
    assert [f"{place}: {' '.join(w)}" for place, w in commands if any(word.startswith("ftdojo") for word in w)] == []


@pytest.fixture
def beside(tmp_path: Path, approve: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the suites of the pages name: a task folder, and a plug-in of docs/plugins.md."""
    shutil.copytree(approve, tmp_path / "my-task")
    (tmp_path / "mypkg").mkdir()
    (agent,) = [block for block in SHOWN if block.first == "# file: mypkg/agent.py"]
    (tmp_path / "mypkg/agent.py").write_text(agent.text)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_a_suite_is_read(beside: Path) -> None:
    assert len(run_by("test_a_suite_is_read")) == 4
    for block in run_by("test_a_suite_is_read"):
        mine = block.text.replace("/home/me/play_with_claude_code.sh", sys.executable)  # it must exist
        (beside / "suite.toml").write_text(mine)
        assert Suite.load(beside / "suite.toml").jobs(), block.page


def test_rules_are_read(tmp_path: Path, approve: Path) -> None:
    for number, block in enumerate(run_by("test_rules_are_read")):
        folder = shutil.copytree(approve, tmp_path / str(number))
        with (folder / "task.toml").open("a") as file:
            file.write(block.text)
        rules = ftdojo.get_task(str(folder)).spec.rules
        assert list(rules.methods) == tomllib.loads(block.text)["rules"]["methods"]


def test_a_training_is_read() -> None:
    assert len(run_by("test_a_training_is_read")) == 7
    for block in run_by("test_a_training_is_read"):
        given = yaml.safe_load(block.text)
        read = find_config(given.get("method", "lora")).model_validate(given)
        assert read.model_dump(include=given.keys(), exclude_unset=True) == given, block.page


def test_a_recipe_is_read() -> None:
    """A block without sources shows what is added to the one before it."""
    given: dict[str, Any] = {}
    for block in run_by("test_a_recipe_is_read"):
        shown = yaml.safe_load(block.text)
        given = shown if "sources" in shown else given | shown
        read = Recipe.model_validate(given)
        assert read.model_dump(include=set(given), exclude_unset=True) == given, block.page


def test_a_row_is_read() -> None:
    for block in run_by("test_a_row_is_read"):
        assert parse_row(json.loads(block.text)).completion == "No."


def test_a_judged_answer_is_read() -> None:
    for block in run_by("test_a_judged_answer_is_read"):
        assert [parse_judged(json.loads(line)).good for line in block.text.splitlines()] == [True, False]


def test_every_block_of_a_known_language_parses() -> None:
    """Also the files of recipes that only ``make test-clients`` plays."""
    readers: dict[str, Callable[[str], object]] = {
        "json": json.loads,
        "toml": tomllib.loads,
        "yaml": yaml.safe_load,
        "python": ast.parse,
    }
    for block in SHOWN:
        language = block.language.partition(" ")[0]
        if language in readers:
            lines = (
                block.text.strip().splitlines() if block.first.startswith(('{"request"', '{"prompt"')) else [block.text]
            )
            for document in lines:
                assert readers[language](document) is not None, f"{block.page}:{block.line}"


def test_the_recipes_of_other_programs_start_ftdojo_as_it_can_be_started() -> None:
    page = (ROOT / "docs/outside-agents.md").read_text("utf-8")
    plain = re.sub(r"""["',\[\]]""", " ", page)
    commands = re.findall(r"mcp +chemistry/mol_und( +--\w+ +[\w-]+)+", plain)
    found = [m[0].split() for m in re.finditer(r"mcp +chemistry/mol_und( +--(budget|name) +[\w-]+)+", plain)]
    assert len(found) == len(commands) >= 12
    for words in found:
        assert parse(["ftdojo", *words])["name"]


def intervals(shown: str) -> list[tuple[float, float, float]]:
    """``80.8 % [73.7, 88.0]``, each as numbers."""
    return [
        (float(value), float(low), float(high))
        for value, low, high in re.findall(r"(\d+\.\d) % \[(\d+\.\d), (\d+\.\d)\]", shown)
    ]


def follow(found: Iterable[tuple[float, float, float]], n: int) -> bool:
    """Whether each is the share of some of ``n`` items, with its interval as it is computed and printed."""
    for value, low, high in found:
        right = round(value * n / 100)
        estimate = stratified_mean([1.0] * right + [0.0] * (n - right), [""] * n).scaled(100)
        if [f"{number:.1f}" for number in (estimate.value, estimate.low, estimate.high)] != [
            f"{number:.1f}" for number in (value, low, high)
        ]:
            return False
    return True


def test_a_score_has_the_form_that_the_page_explains() -> None:
    (block,) = run_by("test_a_score_has_the_form_that_the_page_explains")
    found = intervals(block.text)
    assert len(found) == 2
    assert follow(found, int(block.text.rpartition("n = ")[2]))


def test_the_end_of_the_demo_names_the_next_commands(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (block,) = run_by("test_the_end_of_the_demo_names_the_next_commands")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished_run / "run", "runs/demo")
    with out.capture() as captured:
        out.print(next_table(view.read(Path("runs/demo"))), soft_wrap=True)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    assert "\n".join(lines).strip() in block.text
    scores, few_shot = block.text.partition("the base model with")[::2]
    assert len(intervals(scores)) == 6
    assert follow(intervals(scores), 120)
    assert follow(intervals(few_shot)[:1], 64)
    assert follow(intervals(few_shot)[1:], 120)


def test_results_are_read_as_frames(finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = run_by("test_results_are_read_as_frames")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished_run / "run", "runs/a")
    shutil.copytree(ROOT / "tests/fixtures/1e8ec7a/contest", "runs/contest")
    exec(compile(block.text, block.page, "exec"), {})
