"""A run that asks with the prompts of its owner: from the baseline to the audit, and next to one that does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftdojo.audit import verify
from ftdojo.audit.base_and_best import find_models
from ftdojo.audit.export import Wanted, export
from ftdojo.audit.samples import read_samples
from ftdojo.audit.scored_items import read_run
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.contract.prompts import identify_prompts
from ftdojo.contract.result import RunResult
from ftdojo.episode import Dojo, run_episode
from ftdojo.errors import InputError, UsageError
from ftdojo.record import Home, Ledger
from ftdojo.record.history import History
from ftdojo.report import write_report
from ftdojo.report.card import write_card
from submissions import Submits, write_submission

OWN = '{"default": "Decide: {{ request }}"}'
SOURCES = [{"path": "train.jsonl", "prompt": "Decide: {{ request }}", "completion": "{{ verdict }}"}]


def play(run: Path, agent: Submits, task: Path, model: Path, home: Home, prompts: str | None) -> RunResult:
    options = RunOptions(task=str(task), model=str(model), agent=agent.name, prompts=prompts)
    with Dojo(options, run, home=home) as dojo:
        return run_episode(dojo, agent)


def test_a_run_asks_with_them_from_the_baseline_to_the_audit(
    tmp_path: Path, approve: Path, tiny_model: Path, home: Home
) -> None:
    path, run = tmp_path / "own.yaml", tmp_path / "run"
    path.write_text('default: "Decide: {{ request }}"\n', "utf-8")
    agent = Submits(write_submission(tmp_path / "good", recipe={"sources": SOURCES}))
    result = play(run, agent, approve, tiny_model, home, str(path))
    path.unlink()
    assert (result.outcome, result.best.iteration) == ("scored", 1)
    seen = agent.seen[0]
    assert all(sample.prompt.startswith("Decide: ") for sample in seen.baseline.samples)
    assert seen.task.raw_sources[0].renderings[0].prompt == "Decide: {{ request }}", "the prompt of rows, too"

    with Ledger(run, writable=False) as ledger:
        configuration = History(ledger).configuration
    assert configuration is not None
    assert configuration.prompts == OWN
    assert result.digests["task"].endswith(f"+{identify_prompts(OWN)}")
    answered = [sample for one in read_samples(run, home=home).evaluations for sample in one.samples]
    assert {sample.messages[-1]["content"].startswith("Decide: ") for sample in answered} == {True}
    models = find_models(run, home=home)
    assert models.task.prompt({"request": "Ann asks."})[0]["content"] == "Decide: Ann asks."
    audit = verify(run, home=home, progress=Silent())
    assert {check.name: check.message for check in audit.checks if check.status != "ok"} == {}

    words = f"asked with own prompts {identify_prompts(OWN)}"
    assert words in write_report(run).read_text("utf-8")
    assert words in read_run("mine", run).source

    exported = export(run, tmp_path / "model", Wanted(), home=home, progress=Silent())
    assert words in write_card(exported).read_text("utf-8")

    with pytest.raises(UsageError, match="prompts: "):
        play(run, agent, approve, tiny_model, home, '{"default": "Other: {{ request }}"}')
    with pytest.raises(UsageError, match="prompts: "):
        play(run, agent, approve, tiny_model, home, None)


def test_a_run_with_faulty_prompts_does_not_begin(tmp_path: Path, approve: Path, tiny_model: Path, home: Home) -> None:
    for template, says in (("{{ verdict }}", "right answer"), ("{{ reqest }}", "no item has a field 'reqest'")):
        with pytest.raises(InputError, match=says):
            play(tmp_path / "run", Submits(), approve, tiny_model, home, json.dumps({"default": template}))
    assert not (tmp_path / "run" / "ledger.sqlite").exists()
