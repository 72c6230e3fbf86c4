"""The rule on teachers in whole runs: who answers data programs, what is recorded and charged, what an audit finds."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ftdojo.audit import verify
from ftdojo.audit.evidence import Evidence
from ftdojo.audit.remake import remake_rows
from ftdojo.cli import llms
from ftdojo.contract.call import Call, own_model
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.contract.result import RunResult
from ftdojo.episode import Dojo, run_episode, validate
from ftdojo.errors import UsageError
from ftdojo.gateway import DataLlm
from ftdojo.inference.own_model import OwnModel
from ftdojo.llm import Request, connect
from ftdojo.llm.transport import Answer
from ftdojo.record import Home, Ledger
from ftdojo.record.history import History
from submissions import Submits, write_submission

GUIDE = Path(__file__).parents[2] / "docs/data-programs.md"
Payload = dict[str, Any]


@dataclass(frozen=True)
class Taught:
    """A finished run whose data program asked the base model."""

    run: Path
    home: Home
    options: RunOptions
    submission: Path
    result: RunResult
    seen: dict[str, str]
    """The models that the agent was shown."""
    calls: list[Call]

    def open(self, run: Path, *, data_llm: DataLlm | None = None, **changes: Any) -> Dojo:
        options = RunOptions(**self.options.model_dump(exclude_defaults=True) | changes)
        return Dojo(options, run, home=self.home, data_llm=data_llm)


def data_calls(run: Path) -> list[Call]:
    with Ledger(run, writable=False) as ledger:
        return [call for calls in History(ledger).data_calls for call in calls]


@pytest.fixture(scope="module")
def taught(finished_run: Path, approve: Path, tmp_path_factory: pytest.TempPathFactory) -> Taught:
    """The program of the guide that samples by rejection, with a base model that knows some of the answers: the best
    model of another run."""
    folder = tmp_path_factory.mktemp("taught")
    program = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)[1]
    # A rate below the usual one: the base is trained already.
    submission = write_submission(folder / "submission", train={"learning_rate": 0.002}, program=program)
    options = RunOptions(
        task=str(approve), model=str(finished_run / "run/model"), agent="scripted", submissions=1, teachers="self"
    )
    run, home = folder / "run", Home(folder / "home")
    with Dojo(options, run, home=home) as dojo:
        seen = dojo.reset().data_llm
        result = run_episode(dojo, Submits(submission))
    return Taught(run, home, options, submission, result, seen, data_calls(run))


def test_a_program_keeps_what_the_base_model_answers_rightly(taught: Taught, approve: Path) -> None:
    raw = [json.loads(line) for line in (approve / "train.jsonl").read_text("utf-8").splitlines()]
    wanted = {row["request"]: row["verdict"] for row in raw}
    (file,) = taught.home.stages.glob("rows/*/rows.jsonl")
    rows = {row["prompt"]: row["completion"] for row in map(json.loads, file.read_text("utf-8").splitlines())}
    assert 0 < len(rows) < len(wanted)
    assert all(wanted[request] == answer for request, answer in rows.items())
    right = {call.messages[0].content for call in taught.calls if call.reply == wanted[call.messages[0].content]}
    assert rows.keys() == right, "and leaves nothing out"


def test_its_calls_are_recorded_and_charged_and_pass_the_audit(taught: Taught) -> None:
    with Ledger(taught.run, writable=False) as ledger:
        history = History(ledger)
        name = own_model(history.configuration.digests["model"])  # type: ignore[union-attr]
        seconds = history.iterations[0].feedback.execution.seconds
    assert taught.seen == {"self": name}
    assert {(call.pool, call.model, call.usage.cost_usd) for call in taught.calls} == {("self", name, 0.0)}
    used = taught.result.budget
    assert used.llm.output_tokens == sum(call.usage.output_tokens for call in taught.calls) > 0
    assert used.llm.input_tokens == sum(call.usage.input_tokens for call in taught.calls) > 0
    answering_s = sum(call.usage.device_s for call in taught.calls)
    assert used.device_s == pytest.approx(seconds.train + seconds.evaluate + answering_s)
    assert 0 < answering_s < seconds.data
    audit = verify(taught.run, home=taught.home, progress=Silent())
    assert [check for check in audit.checks if check.status == "failed"] == []
    assert {check.name: check.status for check in audit.checks}["teachers"] == "ok"


def test_its_rows_are_made_again_from_the_recorded_calls_alone(taught: Taught, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OwnModel, "send", forbidden)
    with Ledger(taught.run, writable=False) as ledger:
        evidence = Evidence(taught.run, ledger, taught.home, None)
        assert remake_rows(evidence, 1, Silent()) == []
        evidence.history._calls = [[]]
        with pytest.raises(UsageError, match="the record has no answer"):
            remake_rows(evidence, 1, Silent())


def test_a_resumed_run_asks_nothing_again(taught: Taught, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(taught.home.stages.glob("rows/*/rows.jsonl"))
    with taught.open(tmp_path / "run", submissions=2) as dojo:
        dojo.reset()
        assert dojo.precheck(taught.submission) == []
    calls = data_calls(tmp_path / "run")
    (made,) = set(taught.home.stages.glob("rows/*/rows.jsonl")) - before
    shutil.rmtree(made.parent)
    monkeypatch.setattr(OwnModel, "send", forbidden)
    with taught.open(tmp_path / "run", submissions=2) as dojo:
        dojo.reset()
        assert dojo.precheck(taught.submission) == []
    assert data_calls(tmp_path / "run") == calls


def forbidden(self: OwnModel, request: Request) -> Answer:
    raise AssertionError("the base model was asked")


def test_a_run_is_replayed_under_its_rule_alone(
    taught: Taught, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OwnModel, "send", forbidden)
    _, models = llms.load_recorded(taught.run)
    with taught.open(tmp_path / "run", data_llm=DataLlm(models=models)) as dojo:
        dojo.reset()
        assert dojo.precheck(taught.submission) == []
    assert len(data_calls(tmp_path / "run")) == len(taught.calls)
    with pytest.raises(UsageError, match="asked its own base model"):
        taught.open(tmp_path / "other", data_llm=DataLlm(models=models), teachers=None)


def test_the_rule_is_part_of_what_a_run_is(taught: Taught) -> None:
    with taught.open(taught.run, teachers=None) as dojo, pytest.raises(UsageError, match="teachers: 'self' in the run"):
        dojo.reset()


def test_models_that_the_rule_does_not_allow_are_refused(taught: Taught, tmp_path: Path) -> None:
    named = DataLlm(models={"weak": connect("openai:a", base_url="http://h/v1")})
    for rule in ("none", "self"):
        with pytest.raises(UsageError, match=f"--teachers {rule} allows"):
            taught.open(tmp_path / rule, data_llm=named, teachers=rule)


def test_the_time_of_the_device_is_a_limit(taught: Taught, tmp_path: Path) -> None:
    with taught.open(tmp_path / "run", device_s=1e-6) as dojo:
        dojo.reset()
        dojo.precheck(taught.submission)
    assert 0 < len(data_calls(tmp_path / "run")) <= taught.options.llm_concurrency


def test_a_check_before_a_run_takes_the_rule(taught: Taught) -> None:
    assert validate(taught.submission, taught.options, home=taught.home).ok
    without = taught.options.model_copy(update={"teachers": "none"})
    (finding,) = validate(taught.submission, without, home=taught.home).findings
    assert "ImportError: this run has no language models for data programs" in finding.message
    assert "--teachers self" in finding.message


def _none(_: Payload, configuration: Payload) -> None:
    configuration.update(teachers="none", data_llm={})


def _of_another_model(call: Payload, _: Payload) -> None:
    call["model"] = own_model("0" * 32)


def _of_another_pool(call: Payload, _: Payload) -> None:
    call["pool"] = "strong"


def _of_no_pool(call: Payload, _: Payload) -> None:
    call["pool"] = ""


def _listed(call: Payload, configuration: Payload) -> None:
    configuration.update(teachers="listed", data_llm={"strong": "openai:a", "weak": "openai:b"})
    call.update(pool="strong", model="openai:b")


@pytest.mark.parametrize("change", [_none, _of_another_model, _of_another_pool, _of_no_pool, _listed])
def test_verify_finds_calls_that_the_rule_forbids(
    taught: Taught, tmp_path: Path, change: Callable[[Payload, Payload], None]
) -> None:
    found = forge(taught, tmp_path / "run", change)["teachers"]
    assert (found.status, "a data program called" in found.message) == ("failed", True)


def test_verify_takes_calls_of_listed_models_also_of_builds_that_recorded_no_pools(
    taught: Taught, tmp_path: Path
) -> None:
    def older(call: Payload, configuration: Payload) -> None:
        configuration.update(data_llm={"strong": "openai:a"})
        configuration.pop("teachers", None)
        call["model"] = "openai:a"
        call.pop("pool", None)

    checks = forge(taught, tmp_path / "run", older)
    assert checks["teachers"].status == "ok"
    assert "rows were made with language models that the run does not allow" in checks["stages"].message


def forge(taught: Taught, run: Path, change: Callable[[Payload, Payload], None]) -> dict[str, Any]:
    """Change the calls and the configuration of a copy, in a whole chain of events; name -> check of its audit."""
    shutil.copytree(taught.run, run, ignore=shutil.ignore_patterns("ledger*"))
    with Ledger(taught.run, writable=False) as before, Ledger(run) as after:
        for event in before.events():
            payload = event.payload
            change(payload.get("call", {}), payload.get("configuration", {}))
            after.append(event.kind, payload)
    return {check.name: check for check in verify(run, home=taught.home, progress=Silent()).checks}
