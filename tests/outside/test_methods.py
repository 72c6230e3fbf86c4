"""An outside agent trains by every method, in a run that is interrupted, resumed, audited and exported."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftdojo.audit import verify
from ftdojo.audit.export import export
from ftdojo.contract.progress import Silent
from ftdojo.record import Home
from resumed_runs import read_iterations
from stdio_client import Stdio
from submissions import BY_EVERY_METHOD, write_by_method
from tiny import allow_methods


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_method_is_trained_resumed_audited_and_exported(
    options: list[str], tmp_path: Path, approve: Path, home: Home
) -> None:
    task = allow_methods(approve, tmp_path / "approve", *BY_EVERY_METHOD)
    options = [str(task), *options[1:]]

    def submit(client: Stdio, method: str) -> None:
        folder = write_by_method(method, tmp_path / method)
        files = {file.name: file.read_text() for file in folder.iterdir()}
        client.call("dojo_submit", files=files, wait_s=0)
        answer = client.until("iteration", seconds=280)
        errors = [found for found in answer["execution"]["findings"] if found["severity"] == "error"]
        assert errors == []

    first, *others = BY_EVERY_METHOD
    with Stdio(options, tmp_path / "server.log") as client:
        client.initialize()
        client.until("baseline")
        submit(client, first)
        client.vanish()
        assert client.process.wait(timeout=60) == 0
    with Stdio(options, tmp_path / "server.log") as client:
        client.initialize()
        client.call("dojo_wait", wait_s=120)
        for method in others:
            submit(client, method)
        client.call("dojo_finish", wait_s=0)
        client.until("ended", seconds=280)

    run = tmp_path / "run"
    iterations = read_iterations(run)
    assert [i.start for i in iterations] == [None, *[1] * len(others)]
    assert all(i.score is not None for i in iterations)
    assert [i.feedback.training is not None and i.feedback.training.rewards is not None for i in iterations] == [
        method in ("orpo", "dpo", "kto") for method in BY_EVERY_METHOD
    ]
    audit = verify(run, home=home, progress=Silent())
    assert {check.name: check.message for check in audit.checks if check.status != "ok"} == {}
    made = export(run, tmp_path / "out", home=home, progress=Silent())
    assert (made.written.folder / "model.safetensors").is_file()
