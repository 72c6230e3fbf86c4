"""The options of a run: every command, the record and the command line of a job have all of them."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies
from typer.main import get_command

from ftdojo.cli.main import app
from ftdojo.cli.options import NOT_TAKEN, read_options
from ftdojo.contract.budget import Budget, parse_duration
from ftdojo.contract.configuration import Configuration, GuardTask
from ftdojo.contract.options import GUARD_MARGIN, RunOptions, duration_text, flag_of
from ftdojo.errors import UsageError

COMMANDS = get_command(app).commands  # type: ignore[attr-defined]
FIELDS = list(RunOptions.model_fields)


@pytest.mark.parametrize("name", ["run", "mcp", "validate", "predict"])
def test_a_command_offers_every_option_or_says_why_not(name: str) -> None:
    parameters = {parameter.name: parameter for parameter in COMMANDS[name].params}
    reasons = NOT_TAKEN[name]
    for field in FIELDS:
        assert (field in parameters) != (field in reasons), field
        if field in parameters:
            assert parameters[field].help == " ".join((RunOptions.model_fields[field].description or "").split())
    assert all(reasons.values())
    assert reasons.keys() <= set(FIELDS)


def test_run_offers_everything_and_no_two_options_have_one_flag() -> None:
    assert COMMANDS["run"]
    assert NOT_TAKEN["run"] == {}
    flags = [flag_of(name).name for name in FIELDS]
    assert len(set(flags)) == len(flags)
    assert all(RunOptions.model_fields[name].description for name in FIELDS)


words = strategies.text("abc-_/.:= é", min_size=1).filter(lambda text: not text.startswith("-"))
durations = strategies.floats(1e-6, 1e9)


def _make_options(guard: tuple[str, ...], guard_margin: float, **given: Any) -> RunOptions:
    return RunOptions(guard=guard, guard_margin=guard_margin if guard else GUARD_MARGIN, **given)


runs = strategies.builds(
    _make_options,
    task=words,
    model=words,
    agent=words,
    planner=strategies.none() | words,
    base_url=strategies.none() | words,
    replay=strategies.none() | words.map(Path),
    variant=strategies.none() | words,
    wall_s=durations,
    device_s=strategies.none() | durations,
    submissions=strategies.none() | strategies.integers(1, 10**9),
    input_tokens=strategies.none() | strategies.integers(1, 10**9),
    output_tokens=strategies.none() | strategies.integers(1, 10**9),
    cost_usd=strategies.none() | strategies.floats(0, 1e9),
    probes=strategies.integers(0, 9),
    seed=strategies.integers(0, 2**40),
    ladder=strategies.booleans(),
    sequential=strategies.booleans(),
    warm_start=strategies.booleans(),
    methods=strategies.sampled_from([(), ("lora", "program")]),
    engine=words,
    data_llm=strategies.lists(words, max_size=3).map(tuple),
    judge=strategies.sampled_from([None, "openai:m", "openai:org/m@http://127.0.0.1:8000/v1"]),
    llm_concurrency=strategies.integers(1, 99),
    prechecks=strategies.integers(0, 999),
    thinking=strategies.sampled_from(["off", "on", "auto"]),
    thinking_tokens=strategies.integers(0, 9999),
    guard=strategies.lists(words, max_size=3).map(tuple),
    guard_margin=strategies.floats(0, 99),
    prompts=strategies.sampled_from([None, '{"default": "{{ q }} \\u00e9"}']),
    chat_template=strategies.sampled_from([None, "chatml", "{% for m in messages %}{{ m.content }}\n{% endfor %}"]),
)


def _under_a_rule(options: RunOptions, rule: str) -> RunOptions:
    return options.model_copy(update={"teachers": "listed" if options.data_llm else rule})


runs |= strategies.builds(_under_a_rule, runs, strategies.sampled_from(["none", "self"]))


@given(runs)
def test_the_command_line_of_a_job_gives_the_options_of_the_job(options: RunOptions) -> None:
    context = COMMANDS["run"].make_context("run", [options.task, *options.arguments()])
    assert read_options({name: context.params[name] for name in FIELDS}) == options


@given(durations)
def test_a_duration_is_written_as_it_is_read(seconds: float) -> None:
    assert parse_duration(duration_text(seconds)) == seconds


def test_durations_are_short_where_they_can_be() -> None:
    assert [duration_text(s) for s in (1800, 7200, 90, 0.5)] == ["30m", "2h", "90s", "0.5s"]
    assert RunOptions(task="t", wall_s="1h30m").wall_s == 5400
    with pytest.raises(UsageError, match="not a duration"):
        RunOptions(task="t", device_s="soon")


OTHER: dict[str, Any] = {
    "model": "m", "agent": "a", "planner": "p", "variant": "hub", "wall_s": 5.0, "device_s": 5.0, "submissions": 5,
    "input_tokens": 5, "output_tokens": 5, "cost_usd": 5.0, "seed": 5, "ladder": True, "engine": "e",
    "sequential": True,
    "warm_start": False, "methods": ("program",), "prechecks": 5, "teachers": "self",
    "thinking": "on", "thinking_tokens": 5, "chat_template": "plain",
    "prompts": '{"default": "{{ q }}"}',
    "guard_margin": 7.5, "judge": "openai:m",
}  # fmt: skip
NOT_IDENTITY = {
    "guard": "the ids, versions and items of its tasks are, once they are found",
    "task": "its id and digest are",
    "base_url": "where a model is served does not say which one it is",
    "data_llm": "the names of the models are, once they are connected",
    "llm_concurrency": "it changes no reply",
    "replay": "a replay repeats the run that it names",
    "probes": "the name of the planner says how many",
}


def identity(options: RunOptions, data_llm: dict[str, str] | None = None) -> Configuration:
    return Configuration.of(
        options.model_copy(update={"variant": options.variant or "twin"}),
        task="domain/name",
        data_llm=data_llm or {},
        budget=options.budget,
        digests={},
        guard={name: GuardTask(variant="v", task="1", items="i") for name in options.guard},
    )


def test_every_option_is_part_of_a_runs_identity_or_says_why_not() -> None:
    assert OTHER.keys() | NOT_IDENTITY.keys() == set(FIELDS)
    assert not OTHER.keys() & NOT_IDENTITY.keys()
    plain = RunOptions(task="t", guard=("own/a",))
    for name, value in OTHER.items():
        with pytest.raises(UsageError, match="another configuration"):
            identity(plain).require_same(identity(plain.model_copy(update={name: value})), Path("run"))


def test_a_run_is_made_again_with_the_options_of_its_record() -> None:
    options = RunOptions(task="t", guard=("own/a",), **OTHER)
    recorded = Configuration.model_validate_json(identity(options).model_dump_json())
    assert recorded.options("t", ["own/a"]) == options
    unguarded = {"guard": (), "guard_margin": GUARD_MARGIN}
    assert recorded.options("t") == options.model_copy(update=unguarded), "an export or an audit needs no guard"


def test_a_margin_without_guard_tasks_is_refused_and_dropped_from_older_records() -> None:
    with pytest.raises(UsageError, match="has no effect without guard tasks") as caught:
        read_options({"task": "t", "guard_margin": 10.0})
    assert "--guard TASK" in caught.value.fix
    plain = identity(RunOptions(task="t"))
    older = Configuration.model_validate(plain.model_dump() | {"guard_margin": 10.0})
    older.require_same(plain, Path("run"))
    assert "--guard-margin" not in older.options("t").arguments()


def test_a_rule_on_teachers_and_the_models_that_are_named_agree() -> None:
    named = ("weak=openai:a",)
    for rule in ("none", "self"):
        with pytest.raises(UsageError, match=f"--teachers {rule} allows no model of --data-llm"):
            RunOptions(task="t", teachers=rule, data_llm=named)
    with pytest.raises(UsageError, match="names no model"):
        RunOptions(task="t", teachers="listed")
    pools = {"weak": "openai:a"}
    for options, data_llm, rule in [
        (RunOptions(task="t"), {}, "none"),
        (RunOptions(task="t", data_llm=named), pools, "listed"),
        (RunOptions(task="t", data_llm=named, teachers="listed"), pools, "listed"),
        (RunOptions(task="t", teachers="self"), {"self": "self:0"}, "self"),
    ]:
        made = identity(options, data_llm)
        assert made.teachers == rule
        again = made.options("t")
        assert (again.teachers or made.teachers, again.data_llm) == (rule, options.data_llm)
        assert ("--teachers" in again.arguments()) == (rule == "self"), "others follow from --data-llm"
        older = made.model_dump()
        del older["teachers"]
        if rule != "self":
            assert Configuration.model_validate(older) == made, "a run of a build without the rule is the same run"


def test_guard_tasks_are_separated_by_commas_and_part_of_the_identity() -> None:
    options = RunOptions(task="t", guard="own/a,own/b")
    assert options.guard == RunOptions(task="t", guard=("own/a", "own/b")).guard == ("own/a", "own/b")
    context = COMMANDS["run"].make_context("run", ["t", "--guard", "own/a,own/b", "--guard", "c"])
    assert read_options({name: context.params[name] for name in FIELDS}).guard == ("own/a", "own/b", "c")
    with pytest.raises(UsageError, match="--guard-margin"):
        read_options({"task": "t", "guard_margin": -1})
    then, now = (
        identity(options).model_copy(update={"guard": {"own/a": GuardTask(variant="v", task=version, items="i")}})
        for version in "12"
    )
    assert Configuration.model_validate_json(then.model_dump_json()) == then
    assert then.options("t", ["place/a"]).guard == ("place/a",)
    with pytest.raises(UsageError, match="guard"):
        then.require_same(now, Path("run"))


def test_a_chat_template_is_read_when_the_options_are_made(tmp_path: Path) -> None:
    (tmp_path / "own.jinja").write_text("{{ messages }}")
    assert RunOptions(task="t", chat_template=str(tmp_path / "own.jinja")).chat_template == "{{ messages }}"
    (tmp_path / "plain.txt").write_text("User: ")
    for name, says in [("absent", "cannot be read"), (str(tmp_path / "plain.txt"), "is no template")]:
        with pytest.raises(UsageError, match=says):
            read_options({"task": "t", "chat_template": name})


def test_every_account_of_a_budget_can_be_limited() -> None:
    accounts = [account.name for account in fields(Budget)]
    assert set(accounts) <= set(FIELDS)
    options = RunOptions(task="t", **dict.fromkeys(accounts, 7))
    assert options.budget == Budget(**dict.fromkeys(accounts, 7))


@pytest.mark.parametrize("text", ["10", "1.5"])
def test_a_duration_without_a_unit_is_refused(text: str) -> None:
    """``--budget 10`` was read as ten seconds."""
    with pytest.raises(UsageError, match="has no unit") as caught:
        RunOptions(task="t", wall_s=text)
    assert f"{text}m for minutes" in caught.value.fix


def test_a_number_of_seconds_needs_no_unit() -> None:
    assert RunOptions(task="t", wall_s=90).wall_s == 90


def test_a_wrong_name_is_not_answered_with_a_number() -> None:
    with pytest.raises(UsageError, match=r"^--method: there is no training method 'nope'") as caught:
        read_options({"task": "t", "methods": ("nope",)})
    assert caught.value.fix == "`ftdojo run --help` describes --method"
    with pytest.raises(UsageError, match="--max-iterations") as number:
        read_options({"task": "t", "submissions": 0})
    assert number.value.fix == "for example: --max-iterations 4"
