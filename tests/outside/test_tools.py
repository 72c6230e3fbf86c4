"""The tools as models see them: short definitions, short answers in lines, hints that clients act on."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings, strategies
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic import BaseModel
from tokenizers import Tokenizer

from ftdojo import handshake, tasks
from ftdojo.contract.data_profile import DataProfile, FieldProfile, FileProfile
from ftdojo.contract.feedback import EvaluationFeedback, LossPoint
from ftdojo.contract.methods import names as methods
from ftdojo.contract.model_info import ModelInfo
from ftdojo.contract.protocol import Observation
from ftdojo.contract.result import Score
from ftdojo.errors import UsageError
from ftdojo.outside import Seat, Watched, answers
from ftdojo.outside.layout import ANSWER_CHARS, fit, to_text
from ftdojo.outside.server import build
from ftdojo.outside.tools import TOOLS, WAIT_S, WHOLE, Desk, Submitting

DEFINITION_TOKENS = 1200
LIMIT = 6000
"""The most characters of an answer, as docs/outside-agents.md promises."""
SCORE = Score(metric="accuracy", value=0.0, interval=(0.0, 6.4), n=30)


def observed(task: str) -> Observation:
    """A first observation of a task, with a profile of its raw files as large as profiles are."""
    spec = tasks.get(task).spec
    fields = [
        FieldProfile(
            name=f"field_{number}", types={"str": 2000}, missing_share=0.0, chars_p50=100, chars_p95=1000,
            broken_json_share=None, labels={f"label {label}": 10 for label in range(20)},
        )
        for number in range(12)
    ]  # fmt: skip
    files = [
        FileProfile(path=source.path, rows=2000, malformed_rows=0, fields=fields, samples=["x" * 2000] * 3)
        for source in spec.raw_sources
    ]
    model = ModelInfo(
        architecture="LlamaForCausalLM", parameters=135_000_000, precision="BF16", layers=30, hidden_size=576,
        intermediate_size=1536, heads=9, key_value_heads=3, head_size=64, vocabulary=49152, context_length=8192,
    )  # fmt: skip
    evaluation = EvaluationFeedback(
        score=SCORE, parsed=0.0, subtasks={}, subtask_parsed={}, errors={}, metrics={}, to_best=None, samples=[]
    )
    return Observation(
        task=spec, raw_data=DataProfile(files=files), model=model, baseline=evaluation, train_rows_per_s=30.0,
        evaluate_s=1.0, history=[], best=0, submissions={}, remaining={}, seed=0,
    )  # fmt: skip


def test_all_definitions_together_are_short(embedded: Path) -> None:
    tokenizer = Tokenizer.from_file(str(embedded / "tokenizer.json"))
    shown = [
        json.dumps({"name": t.name, "description": t.description, "parameters": t.definition.input_schema})
        for t in TOOLS
    ]
    tokens = sum(len(tokenizer.encode(text).ids) for text in shown)
    assert tokens < DEFINITION_TOKENS, tokens
    assert len(handshake.INSTRUCTIONS) < 1000


def test_names_have_a_prefix_and_hints_say_that_nothing_is_destroyed() -> None:
    for tool in TOOLS:
        definition = tool.definition
        assert definition.name.startswith("dojo_")
        assert definition.title
        assert definition.output_schema
        hints = definition.annotations
        assert hints is not None
        assert (hints.destructive_hint, hints.open_world_hint) == (False, False)
    changing = {tool.name for tool in TOOLS if not tool.reads_only}
    assert changing == {"dojo_precheck", "dojo_submit", "dojo_cancel", "dojo_finish"}


def test_a_call_answers_within_the_limit_of_a_command_of_a_shell() -> None:
    """mini-swe-agent ends a command after 30 seconds; ftdojo call needs some of them to start."""
    assert WAIT_S <= 20
    assert Submitting(files={}).wait_s == WAIT_S


@pytest.mark.parametrize("task", sorted(tasks.ids()))
def test_every_task_is_described_whole(task: str) -> None:
    seen = observed(task)
    budget = {"wall_s": 600.0, "device_s": None, "submissions": 4}
    whole = answers.describe_task(seen, budget)
    document = fit(whole, WHOLE)
    assert len(to_text(document)) <= ANSWER_CHARS
    assert document["objective"] == seen.task.objective, "it is not cut"
    assert document["submission"] == answers.SUBMISSION
    assert document["budget"] == {"wall_s": 600.0, "submissions": 4}
    for path in (None, *[file.path for file in seen.raw_data.files]):
        shown = fit(answers.describe_raw_data(seen, path), WHOLE)
        assert len(to_text(shown)) <= ANSWER_CHARS
        assert len(json.dumps(shown, ensure_ascii=False)) <= ANSWER_CHARS


def test_every_schema_is_shown_whole() -> None:
    for name, method in [("plan.yaml", None), ("recipe.yaml", None), *[("train.yaml", m) for m in methods()]]:
        document = answers.describe_schema(name, tuple(methods()), method)
        assert fit(document, WHOLE) == fit(document), "nothing had to be cut"
        assert len(to_text(fit(document))) <= ANSWER_CHARS - answers.SCHEMA_ROOM
    with pytest.raises(UsageError, match="has no schema"):
        answers.describe_schema("process_data.py", ("lora",), None)


def test_the_keys_that_a_schema_only_names_are_described_with_a_method_that_every_task_shows() -> None:
    only = ("grpo",)
    short = answers.describe_schema("train.yaml", only, "grpo")
    assert short["further_keys"].startswith(f"as with method {answers.COMMON}: ")
    usual = answers.describe_schema("train.yaml", only, answers.COMMON)["schema"]["properties"]
    named = short["further_keys"].partition(": ")[2].split(", ")
    assert set(named) <= usual.keys()
    with pytest.raises(UsageError, match="'dpo' is not a method of this task"):
        answers.describe_schema("train.yaml", only, "dpo")


def test_a_curve_keeps_its_ends() -> None:
    points = [LossPoint(step=step, loss=1 / step, grad_norm=1.0, learning_rate=0.1) for step in range(1, 1001)]
    thinned = answers.thin(points)
    assert len(thinned) == answers.CURVE_POINTS
    assert (thinned[0].step, thinned[-1].step) == (1, 1000)
    assert answers.thin(points[:3]) == points[:3]


JSON = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | strategies.text(),
    lambda inner: strategies.lists(inner) | strategies.dictionaries(strategies.text(), inner),
    max_leaves=30,
)


@given(document=strategies.dictionaries(strategies.text(), JSON), length=strategies.sampled_from([0, 100, 20_000]))
@settings(max_examples=30)
def test_any_document_fits_and_its_text_says_the_same(document: dict[str, Any], length: int) -> None:
    document = {
        **document,
        "long": "é\n" * length,
        "list": [{"row": number, "text": "x" * 50} for number in range(length // 50)],
    }
    fitted = fit(document)
    text = to_text(fitted)
    assert len(text) <= ANSWER_CHARS
    assert len(json.dumps(fitted, ensure_ascii=False)) <= ANSWER_CHARS
    assert yaml.safe_load(text) == fitted
    assert max(map(len, text.splitlines()), default=0) < ANSWER_CHARS
    json.dumps(fitted, allow_nan=False)


def test_fractions_are_rounded_and_a_cut_says_so() -> None:
    fitted = fit({"share": 1 / 3, "seconds": 12345.678, "odd": math.inf, "text": "x" * 9000, "half": "\ud800"})
    assert (fitted["share"], fitted["seconds"], fitted["odd"]) == (0.3333, 12345.7, "inf")
    assert "more characters" in fitted["text"]
    assert fitted["half"] == "\\ud800"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"files": '{"plan.yaml": "parent: 0"}', "wait_s": "5"}, ({"plan.yaml": "parent: 0"}, 5.0)),
        ({"files": {}, "wait_s": None, "security_risk": "LOW"}, ({}, WAIT_S)),
    ],
)
def test_what_models_make_of_arguments_is_understood(sent: dict[str, Any], read: tuple[Any, float]) -> None:
    submit = next(tool for tool in TOOLS if tool.name == "dojo_submit")
    parsed: BaseModel = submit.parse(sent)
    assert (parsed.files, parsed.wait_s) == read  # type: ignore[attr-defined]
    for wrong in (
        {},
        {"files": "text"},
        {"files": {"plan.yaml": 1}},
        {"files": {}, "wait_s": 1e9},
        {"files": {}, "wait_s": -1},
    ):
        with pytest.raises(UsageError, match=r"files|wait_s"):
            submit.parse(wrong)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({}, ""),
        ({"files": {}, "wait_s": None, "security_risk": None}, ""),
        ({"files": {}, "security_risk": "LOW"}, "security_risk: no arguments of dojo_submit"),
        ({"a": 1, "b": 2, "c": 3}, "a, b and more: no arguments of dojo_submit"),
        ({"x: \n- y": 1}, "names that cannot be shown: no arguments of dojo_submit"),
    ],
)
def test_ignored_arguments_are_named(sent: dict[str, Any], told: str) -> None:
    submit = next(tool for tool in TOOLS if tool.name == "dojo_submit")
    assert submit.name_ignored(sent) == told


def test_what_was_ignored_fits_into_the_room_that_answers_leave() -> None:
    for tool in TOOLS:
        added = {"ignored": tool.name_ignored({"x" * 20: 1, "y" * 20: 2, "z" * 20: 3})}
        assert added["ignored"].startswith("xxx")
        assert max(len(to_text(added)), len(json.dumps(added))) <= LIMIT - ANSWER_CHARS


def test_the_first_answer_is_that_of_the_sdk_and_needs_nothing_heavy() -> None:
    desk = Desk(Seat("x", finish_when_left=False), Watched(Silence()))
    server = build(desk)
    capabilities = server.get_capabilities().model_dump(by_alias=True, mode="json", exclude_none=True)
    assert capabilities == handshake.CAPABILITIES, "no empty lists of resources and prompts"
    info = server.server_info
    assert (info.name, info.title) == (handshake.NAME, handshake.TITLE)
    assert info.version
    assert tuple(HANDSHAKE_PROTOCOL_VERSIONS) == handshake.PROTOCOLS
    heavy = "{'torch', 'mcp', 'pydantic', 'typer', 'numpy', 'asyncio'}"
    code = f"import sys\nimport ftdojo.cli\nassert not {heavy} & set(sys.modules), sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)


class Silence:
    """A progress receiver that shows nothing."""

    def say(self, text: str) -> None: ...

    def update(self, stage: str, done: float, total: float, note: str = "") -> None: ...

    def end(self, stage: str, note: str = "") -> None: ...
