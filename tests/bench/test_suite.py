"""Suite files: what jobs they mean, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftdojo.bench import Suite, SuiteRecord, is_suite, plan
from ftdojo.bench.events import SUITE_EVENTS, SuiteBegun
from ftdojo.bench.record import durations
from ftdojo.contract.options import RunOptions
from ftdojo.errors import FtdojoError, InfrastructureError, InputError, UsageError
from ftdojo.record import Event
from ftdojo.record.events import parse

SUITE = """
name = "first"
tasks = ["chemistry/mol_und", "table/fact_checking"]
models = ["smollm2-135m"]
agents = ["base", {name = "other", agent = "random-search"}]
seeds = [0, 1]
[budgets.short]
wall = "2m"
iterations = 4
"""


def parsed(command: list[str]) -> RunOptions:
    """The options that the command line reads from these arguments."""
    from typer.main import get_command

    from ftdojo.cli.main import app
    from ftdojo.cli.options import read_options

    program = get_command(app)
    context = program.commands[command[0]].make_context(command[0], command[1:])  # type: ignore[attr-defined]
    options = read_options({name: v for name, v in context.params.items() if name in RunOptions.model_fields})
    return options.model_copy(update={"agent": context.params["name"]}) if command[0] == "mcp" else options


def suite(folder: Path, *changes: tuple[str, str], text: str = SUITE) -> Suite:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "suite.toml"
    path.write_text(text)
    return Suite.load(path)


def test_jobs_are_all_combinations_each_in_a_folder_of_its_own(tmp_path: Path) -> None:
    found = suite(tmp_path, ('name = "first"', 'name = "first"\nvariants = ["twin", "hub"]'))
    jobs = found.jobs()
    assert len(jobs) == 2 * 2 * 2 * 2
    assert len({job.folder for job in jobs}) == len(jobs)
    assert jobs[0].command(Path("/out")) == [
        "run", "chemistry/mol_und", "--agent", "base", "--planner", "playbook", "--data", "twin", "--budget", "2m",
        "--max-iterations", "4", "--out", "/out/jobs/smollm2-135m-twin-short/chemistry-mol_und/base/seed0",
    ]  # fmt: skip
    first = [(job.task_id, job.contestant.name, job.seed) for job in jobs[:3]]
    assert first[0][0] == first[1][0], "all contestants play a task before the next one begins"


def test_prompts_of_a_suite_are_asked_by_every_job(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text('default: "{{ question }}"')
    rules = f"[rules]\nprompts = '{tmp_path / 'own.yaml'}'\n[budgets.short]"
    content = '{"default": "{{ question }}"}'
    jobs = suite(tmp_path, ("[budgets.short]", rules)).jobs()
    assert {parsed(job.command(tmp_path)).prompts for job in jobs} == {content}, "the file need not be kept"


def test_rules_are_everybodys_and_probes_a_contestants(tmp_path: Path) -> None:
    probing = ('agent = "random-search"', 'agent = "ft-agent", probes = 3')
    rules = "[rules]\nengine = 'vllm'\ndata_llm = ['weak=openai:a', 'strong=openai:b']\n[budgets.short]"
    first, second = suite(tmp_path, probing, ("[budgets.short]", rules)).jobs()[:2]
    for command in (first.command(tmp_path), second.command(tmp_path)):
        assert parsed(command).engine == "vllm"
        assert parsed(command).data_llm == ("weak=openai:a", "strong=openai:b")
    assert "--probes" not in first.command(tmp_path)
    assert second.command(tmp_path)[second.command(tmp_path).index("--probes") + 1] == "3"
    ladder = ("[budgets.short]", "[rules]\nladder = true\n[budgets.short]")
    assert parsed(suite(tmp_path, ladder).jobs()[0].command(tmp_path)).ladder
    with pytest.raises(UsageError, match="which the ladder hides"):
        suite(tmp_path, probing, ladder)


def test_a_suite_can_require_a_rule_on_teachers(tmp_path: Path) -> None:
    jobs = suite(tmp_path, ("[budgets.short]", "[rules]\nteachers = 'self'\n[budgets.short]")).jobs()
    assert all(parsed(job.command(tmp_path)).teachers == "self" for job in jobs)
    for rule, says in [
        ("none", "allows no model"),
        ("listed", "names no model"),
        ("all", "'none', 'self' or 'listed'"),
    ]:
        named = "data_llm = ['weak=openai:a']\n" if rule == "none" else ""
        change = ("[budgets.short]", f"[rules]\nteachers = '{rule}'\n{named}[budgets.short]")
        with pytest.raises(FtdojoError) as caught:
            suite(tmp_path, change)
        assert says in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        ("{name = ", '{base_url = "http://me:hidden@h/v1", planner = "openai:m", name = '),
        ("[budgets.short]", "[rules]\ndata_llm = ['weak=openai:a@http://h/v1?key=hidden']\n[budgets.short]"),
    ],
)
def test_an_address_with_a_secret_is_refused_before_it_is_recorded(tmp_path: Path, change: tuple[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        suite(tmp_path, change)
    assert "hidden" not in str(caught.value)
    assert "http://h/v1" in str(caught.value)


EVERYTHING = """
name = "all"
tasks = ["chemistry/mol_und"]
models = ["org/model"]
variants = ["hub"]
agents = [
  {name = "qwen", agent = "greedy-tree", planner = "openai:qwen3", base_url = "http://h/v1"},
  {name = "probing", agent = "ft-agent", probes = 3},
  {name = "cc", mcp = "echo 'an agent'"},
]
seeds = [7]
[rules]
prompts = '{"default": "{{ question }}"}'
ladder = false
warm_start = false
methods = ["lora", "program"]
sequential = true
engine = "vllm"
data_llm = ["weak=openai:a"]
llm_concurrency = 3
prechecks = 50
thinking = "on"
thinking_tokens = 100
chat_template = "chatml"
guard = ["chemistry/mol_edit"]
guard_margin = 2.5
judge = "openai:qwen3"
[budgets.short]
wall = "2m"
device = "90s"
iterations = 4
tokens = 5
output_tokens = 6
cost = 0.25
"""
NOT_IN_SUITES = {
    "replay": "a contest compares runs that ask their models",
    "ladder": "set in another test, as it excludes probes",
    "teachers": "set in another test, as a rule that is written excludes models or demands them",
}


def test_a_suite_can_set_every_option_of_a_run(tmp_path: Path) -> None:
    jobs = suite(tmp_path, text=EVERYTHING).jobs()
    plain = RunOptions(task="none")
    for name in RunOptions.model_fields:
        changed = any(getattr(job.options, name) != getattr(plain, name) for job in jobs)
        assert changed != (name in NOT_IN_SUITES), name
    assert all(parsed(job.command(tmp_path)) == job.options for job in jobs)


def test_an_outside_agent_is_served_and_started(tmp_path: Path) -> None:
    *_, job = suite(tmp_path, text=EVERYTHING).jobs()
    command = job.command(tmp_path)
    assert command[:2] == ["mcp", "chemistry/mol_und"]
    assert command[command.index("--name") + 1] == "cc"
    assert command[command.index("--start") + 1] == "echo 'an agent'"
    assert plan(suite(tmp_path, text=EVERYTHING), tmp_path, 1).cost_usd is None, "its own model is not metered"


def test_folders_beside_the_file_are_found_from_anywhere(tmp_path: Path, approve: Path) -> None:
    (tmp_path / "approve").symlink_to(approve)
    (tmp_path / "kept").symlink_to(approve)
    rules = ("[budgets.short]", "[rules]\nguard = ['kept', 'table/fact_checking']\n[budgets.short]")
    found = suite(tmp_path, ('"table/fact_checking"', '"approve"'), rules)
    assert found.rules.guard == (str(tmp_path / "kept"), "table/fact_checking")
    assert found.tasks == ["chemistry/mol_und", str(tmp_path / "approve")]
    assert {job.setting.variant for job in found.jobs()} == {"twin", "folder"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds = [0, 1]", "seed = [0]", "did you mean 'seeds'"),
        ('wall = "2m"', 'wall = "soon"', "not a duration"),
        ('"base"', '"bse"', "did you mean 'base'"),
        ('"base"', '"base", "base"', "named twice: base"),
        ("seeds = [0, 1]", "seeds = [0, -1]", "0 or more"),
        ('"table/fact_checking"', '"table/fact"', "did you mean"),
        ('name = "first"', 'name = "../first"', "name"),
        ('name = "first"', 'name = "first"\nvariants = ["twn"]', "no data variant 'twn'"),
        ('agent = "random-search"', 'agent = "random-search", planner = "openai:x"', "has no planner"),
        ('"smollm2-135m"', '"org/a b", "org/a-b"', "the same folder"),
        ("[budgets.short]", "[rules]\nengine = 'x'\n[budgets.short]", "vllm"),
        ('agent = "random-search"', 'agent = "no_such_package:Agent"', "PYTHONPATH"),
        ('agent = "random-search"', 'agent = "base", mcp = "echo"', "takes no other key"),
        ('agent = "random-search"', 'mcp = "no-such-program --fast"', "names no program"),
        ('agent = "random-search"', 'mcp = "echo \'"', "close the quotes"),
        ('wall = "2m"', 'wall = "2m"\ndevice = "soon"', "not a duration"),
        ('agent = "random-search"', 'agent = "random-search", probes = 2', "does not support probes"),
        ("[budgets.short]", "[budget.short]", "budgets"),
        ("[budgets.short]", "[rules]\nguard = ['table/fact']\n[budgets.short]", "did you mean"),
        ("[budgets.short]", "[rules]\nguard_margin = 2.5\n[budgets.short]", "guard in a suite"),
    ],
)
def test_faults_say_what_to_do(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises((InputError, UsageError)) as caught:
        suite(tmp_path, (old, new))
    assert message in str(caught.value)


def test_more_of_the_same_is_added_and_what_would_mix_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with SuiteRecord(out, suite(tmp_path)):
        pass
    for change in [
        ("seeds = [0, 1]", "seeds = [0, 1, 2]"),
        ('"base",', '"base", "single-shot",'),
        ('"table/fact_checking"', '"math/aime24"'),
        ('wall = "2m"\niterations = 4', 'wall = "2m"\niterations = 4\n[budgets.long]\nwall = "9m"'),
        ("seeds = [0, 1]", "seeds = [0, 1]\nretries = 3"),
    ]:
        with SuiteRecord(out, suite(tmp_path, change)):
            pass
    for change, named in [
        (('wall = "2m"', 'wall = "3m"'), "budgets.short"),
        (("iterations = 4", "iterations = 5"), "budgets.short"),
        (('agent = "random-search"', 'agent = "tpe"'), "agent other"),
        (("[budgets.short]", "[rules]\nladder = true\n[budgets.short]"), "rules"),
    ]:
        with pytest.raises(UsageError, match=named):
            SuiteRecord(out, suite(tmp_path, change))
    with SuiteRecord(out, suite(tmp_path)), pytest.raises(UsageError, match="another process"):
        SuiteRecord(out, suite(tmp_path))
    assert is_suite(out)
    assert not is_suite(tmp_path)


def test_a_plan_is_an_upper_bound_until_jobs_were_run(tmp_path: Path) -> None:
    found, out = suite(tmp_path), tmp_path / "out"
    planned = plan(found, out, 2)
    assert (len(planned.missing), planned.measured, planned.cost_usd) == (8, False, 0)
    assert planned.seconds == 8 * (120 + 60) / 2
    assert not out.exists()
    asking = suite(tmp_path, ('agent = "random-search"', 'agent = "ft-agent", planner = "openai:x"'))
    assert plan(asking, out, 1).cost_usd is None
    limited = suite(
        tmp_path,
        ('agent = "random-search"', 'agent = "ft-agent", planner = "openai:x"'),
        ("iterations = 4", "cost = 0.5"),
    )
    assert plan(limited, out, 1).cost_usd == pytest.approx(4 * 0.5)
    with SuiteRecord(out, found) as record:
        job = found.jobs()[0]
        assert record.begin_attempt(job) == 1
        assert record.begin_attempt(job) == 2
        record.end_attempt(job, 7.5, "no disk")
    assert durations(out) == {job.folder: 7.5}
    assert len(plan(found, out, 1).missing) == 8, "a failed job is missing"


def test_every_error_is_one_of_ours(tmp_path: Path) -> None:
    with pytest.raises(FtdojoError):
        Suite.load(tmp_path / "none.toml")


def test_the_suite_that_is_shipped_is_valid() -> None:
    shipped = Path(__file__).parents[2] / "benchmarks" / "twin-contest.toml"
    jobs = Suite.load(shipped).jobs()
    assert (len(jobs), len({job.task_id for job in jobs})) == (65, 13)
    assert {job.setting.variant for job in jobs} == {"twin"}


def test_a_strangers_record_of_a_suite_makes_nobody_read_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.jinja").write_text("{{ mine }}", "utf-8")
    payload = SuiteBegun(suite=suite(tmp_path), version="0").payload()
    for option in ("chat_template", "prompts"):
        payload["suite"]["rules"][option] = str(tmp_path / "mine.jinja")
        with pytest.raises((InfrastructureError, UsageError), match=r"no template|neither a file nor templates"):
            parse(Event(1, "2026-01-01T00:00:00Z", SuiteBegun.kind, payload, ""), SUITE_EVENTS)
