"""The attack corpus: hostile programs, submissions, models and records, one folder each, and honest twins (``good_*``).

A folder holds ``expect.toml`` and one of

- ``process_data.py`` or ``recipe.yaml``: a data program, run as a step of one long episode. By convention a script that
  is refused ends with an error, and one that gets through ends well and without rows, which is another finding;
- ``submission.py``: ``write(folder, facts)`` spoils an honest submission;
- ``train.py``: a training program, run on a few rows, with the keys ``[train]`` of its ``train.yaml``;
- ``model.py``: ``tamper(folder)`` changes an exported model before its lineage is judged;
- ``record.py``: ``tamper(place)`` changes a finished run and its home before the audit;
- ``stranger.py``: a folder by a stranger, see ``test_strangers.py``.

``@NAME@`` in a program is replaced by a fact of the host: an attacker is supposed to know where everything lies. After
each, the host must be as it was: no connection was made, no file changed, no process left, no secret in the record.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import runpy
import secrets
import shutil
import socket
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

import ftdojo_tasks
from ftdojo import digest
from ftdojo.audit import verify
from ftdojo.contract.call import Call
from ftdojo.contract.methods import parse_config
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.contract.train_config import TrainConfig
from ftdojo.data import prepare
from ftdojo.episode import Dojo
from ftdojo.errors import InputError
from ftdojo.gates import trial
from ftdojo.gateway import Gateway, Judge, Pools
from ftdojo.inference import open_model
from ftdojo.inference.own_model import OwnModel
from ftdojo.inference.sampled import SampledModel
from ftdojo.record import Home, Ledger, Replies
from ftdojo.record.history import History
from ftdojo.sandbox import Limits
from ftdojo.tasks import get
from ftdojo.training import TrainResult, trainer_of
from ftdojo.training.program import job
from ftdojo.training.sft import lineage
from processes import children

pytestmark = pytest.mark.usefixtures("graded_apart")

CORPUS = Path(__file__).parent
EXPECTED = {p.parent.name: tomllib.loads(p.read_text("utf-8")) for p in sorted(CORPUS.glob("*/expect.toml"))}
PLAN = {"parent": 0, "hypothesis": "h", "evidence": ["e"], "focus": "both", "changes": []}
TRAIN = {"method": "full", "learning_rate": 0.01, "epochs": 6, "batch_size": 8, "max_length": 64}


def names(*kinds: str, good: bool = False, teachers: bool = False) -> list[Any]:
    """Those with a file of one of these kinds; with ``teachers`` those that a run with a rule on teachers needs."""
    found = [
        n
        for n, expected in EXPECTED.items()
        if any((CORPUS / n / kind).is_file() for kind in kinds) and n.startswith("good_") == good
        if ("teachers" in expected) == teachers
    ]
    return [pytest.param(n, marks=[pytest.mark.slow] if EXPECTED[n].get("slow") else []) for n in found]


@dataclass
class Arena:
    """One episode, and what an attacker must not reach beside it."""

    dojo: Dojo
    folder: Path
    facts: dict[str, str]
    canary: str
    servers: list[socket.socket]
    asked_elsewhere: list[Call]
    """The calls of the gateway of another run."""

    def submission(self, name: str) -> Path:
        """The submission of one folder of the corpus, with the facts of this host in it."""
        folder, source = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder)), CORPUS / name
        for file, content in (("plan.yaml", PLAN), ("train.yaml", TRAIN)):
            (folder / file).write_text(yaml.safe_dump(content))
        spoil = source / "submission.py"
        for path in [CORPUS / "good_recipe/recipe.yaml"] if spoil.is_file() else source.iterdir():
            if path.name in ("process_data.py", "recipe.yaml", "train.yaml"):
                text = path.read_text("utf-8")
                for fact, value in self.facts.items():
                    text = text.replace(f"@{fact}@", value)
                (folder / path.name).write_text(text, "utf-8")
        if spoil.is_file():
            runpy.run_path(str(spoil))["write"](folder, self.facts)
        return folder

    def train(self, name: str, out: Path) -> TrainResult:
        """Train by a training program of the corpus, with the facts of this host in it."""
        script = out.with_name("train.py")
        text = (CORPUS / name / "train.py").read_text("utf-8")
        for fact, value in self.facts.items():
            text = text.replace(f"@{fact}@", value)
        script.write_text(text, "utf-8")
        keys = {"method": "program", "max_length": 64, "memory_gib": 1, "wall_s": 60, **EXPECTED[name].get("train", {})}
        config, base = parse_config(keys, where="train.yaml", script=script), Path(self.facts["MODEL"])
        trainer = trainer_of(config)
        rows = [trainer.parse_row({"prompt": f"request {n}", "completion": "yes"}) for n in range(3)]
        made: TrainResult = trainer.train(
            trainer.tokenize(rows, base, max_length=64).examples, config, base, out, time_left_s=60
        )
        return made

    def step(self, name: str) -> dict[str, Any]:
        """Hand in a submission; what the ledger has of it afterwards."""
        self.dojo.step(self.submission(name))
        with Ledger(self.dojo.run, writable=False) as ledger:
            made: dict[str, Any] = ledger.events("iteration")[-1].payload["iteration"]
            return made

    @property
    def data_calls(self) -> list[Call]:
        """What the record has of calls of data programs."""
        with Ledger(self.dojo.run, writable=False) as ledger:
            return [call for calls in History(ledger).data_calls for call in calls]

    @contextlib.contextmanager
    def unharmed(self) -> Iterator[None]:
        """The host is the same after the block as before it."""
        before = self._host()
        yield
        after = self._host()
        assert self.asked_elsewhere == []
        assert {k: v for k, v in after.items() if k in before} == before
        for server in self.servers:
            with pytest.raises(BlockingIOError):
                server.recv(1) if server.type == socket.SOCK_DGRAM else server.accept()
        assert children("bwrap", recursive=True) == []
        assert [
            c for p in psutil.process_iter(["cmdline"]) if self.facts["MARKER"] in (c := p.info["cmdline"] or [])
        ] == []

    def _host(self) -> dict[str, str]:
        places = [self.folder / "secret", self.folder / "home/data", *(self.dojo.run / "submissions").glob("*")]
        places += [p for p in (self.folder / "home/stages").glob("*/*") if not p.name.startswith(".")]
        return {str(place): digest.of_folder(place) for place in places}


@dataclass
class _Calls:
    """A log of calls without limits."""

    calls: list[Call]

    def append(self, call: Call) -> None:
        self.calls.append(call)

    def remaining(self) -> dict[str, float]:
        return {}


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory, approve: Path, tiny_model: Path) -> Iterator[Arena]:
    folder = tmp_path_factory.mktemp("arena")
    canary = secrets.token_hex(16)
    name = f"ftdojo-attack-{secrets.token_hex(4)}"
    (folder / "secret").mkdir()
    (folder / "secret/key").write_text(canary)
    home = Home(folder / "home")
    variant, task = get(str(approve)).variant(None)
    data = prepare(task, variant, home)
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("FTDOJO_ATTACK_KEY", canary)

        def serve(family: int, kind: int, address: Any) -> socket.socket:
            server = stack.enter_context(socket.socket(family, kind))
            server.bind(address)
            if kind == socket.SOCK_STREAM:
                server.listen()
            server.setblocking(False)
            return server

        servers = [
            serve(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            serve(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            serve(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{name}"),
            serve(socket.AF_UNIX, socket.SOCK_STREAM, str(folder / "secret/socket")),
        ]
        # Open and inheritable while sandboxes start: only that descriptors are closed keeps it from them.
        items = stack.enter_context((data.sealed_test).open("rb"))
        os.set_inheritable(items.fileno(), True)
        dojo = stack.enter_context(
            Dojo(RunOptions(task=str(approve), model=str(tiny_model)), folder / "run", home=home)
        )
        dojo.reset()
        facts = {
            "TEST": str(data.sealed_test),
            "VALIDATION": str(data.validation),
            "VALIDATION_ITEMS": data.validation.read_text("utf-8"),
            "SECRET": str(folder / "secret"),
            "RUN": str(dojo.run),
            "HOME": str(home.root),
            "TASK": str(approve),
            "PID": str(os.getpid()),
            "FAMILIES": os.pathsep.join(ftdojo_tasks.__path__),
            "TCP": str(servers[0].getsockname()[1]),
            "UDP": str(servers[1].getsockname()[1]),
            "ABSTRACT": name,
            "MARKER": f"60.{random.SystemRandom().randrange(10**9):09}",
        }
        log = _Calls([])
        kept, other = Replies(folder / "replies"), OwnModel(partial(open_model, SampledModel, tiny_model), "digest")
        judge = stack.enter_context(Judge(str(approve), variant))
        gateway = stack.enter_context(Gateway(Pools({"self": stack.enter_context(other)}, log, kept), judge))
        facts["OTHER"] = str(gateway.folder)
        facts |= {"MODEL": str(tiny_model), "DIGEST": dojo.identity.digests["model"]}
        yield Arena(dojo, folder, facts, canary, servers, log.calls)
    subprocess.run(["rm", "-rf", folder], check=True)  # of folders too deep for Python's own way


def test_the_corpus_is_large_and_every_attack_has_an_honest_twin() -> None:
    attacks = [name for name in EXPECTED if not name.startswith("good_")]
    assert len(attacks) >= 150
    assert {EXPECTED[name]["twin"] for name in attacks} == {name for name in EXPECTED if name.startswith("good_")}


@pytest.mark.parametrize("name", names("process_data.py", "recipe.yaml", "submission.py"))
def test_an_attack_is_contained_and_recorded(name: str, arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = EXPECTED[name]
    if limits := expected.get("limits"):
        monkeypatch.setattr(trial, "TRIAL_LIMITS", Limits(**limits))  # the real ones would be reached after minutes
    with arena.unharmed():
        if "code" not in expected:  # it goes unnoticed, as it reaches nothing: a submission like any other
            assert [f for f in arena.dojo.precheck(arena.submission(name)) if f.severity == "error"] == []
            return
        iteration = arena.step(name)
    found = [f for f in iteration["feedback"]["execution"]["findings"] if f["severity"] == "error"]
    assert expected["code"] in [f["code"] for f in found], found
    assert any(re.search(expected.get("says", ""), f["message"]) for f in found if f["code"] == expected["code"]), found
    assert iteration["decision"] is None
    recorded = json.dumps(iteration)
    assert arena.canary not in recorded
    assert not re.search(r"(?<!\\)\\u(001b|0000|d8)", recorded)
    assert len(recorded) < 100_000


@pytest.mark.parametrize("name", names("process_data.py", "recipe.yaml", "submission.py", good=True))
def test_the_honest_twin_passes(name: str, arena: Arena) -> None:
    with arena.unharmed():
        assert [f for f in arena.dojo.precheck(arena.submission(name)) if f.severity == "error"] == []


@pytest.mark.parametrize("name", names("train.py"))
def test_a_training_program_is_contained(
    name: str, arena: Arena, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = EXPECTED[name]
    monkeypatch.setattr(job, "PROCESSES", expected.get("processes", job.PROCESSES))
    with arena.unharmed(), pytest.raises(InputError) as caught:
        arena.train(name, tmp_path / "trained")
    (found,) = caught.value.findings
    assert found.code == expected["code"], found
    assert re.search(expected["says"], found.message), found
    assert arena.canary not in found.model_dump_json()
    assert found.fix


@pytest.mark.parametrize("name", names("train.py", good=True))
def test_an_honest_training_program_leaves_a_model(name: str, arena: Arena, tmp_path: Path) -> None:
    with arena.unharmed():
        assert arena.train(name, tmp_path / "trained").curve
    assert all(path.suffix in {".json", ".safetensors"} for path in (tmp_path / "trained").iterdir())


@contextlib.contextmanager
def taught(arena: Arena, name: str) -> Iterator[Arena]:
    """A run of its own under the rule on teachers, and with the budget, that an attack asks for."""
    expected, options = EXPECTED[name], arena.dojo.identity.options(arena.facts["TASK"])
    limits = {key: expected.get(key) for key in ("teachers", "output_tokens")}
    home = Home(arena.folder / "home")
    with Dojo(options.model_copy(update=limits), arena.folder / name, home=home) as dojo:
        dojo.reset()
        yield replace(arena, dojo=dojo)


@pytest.mark.parametrize("name", names("process_data.py", teachers=True))
def test_a_teacher_that_the_rule_forbids_is_not_reached(name: str, arena: Arena) -> None:
    expected = EXPECTED[name]
    with taught(arena, name) as here:
        with here.unharmed():
            iteration = here.step(name)
        calls, limit = here.data_calls, expected.get("output_tokens")
    (found,) = [f for f in iteration["feedback"]["execution"]["findings"] if f["severity"] == "error"]
    assert found["code"] == expected["code"], found
    assert re.search(expected["says"], found["message"]), found
    assert {call.pool for call in calls} <= {"self"}
    assert limit is None or 0 < sum(call.usage.output_tokens for call in calls) <= limit


@pytest.mark.parametrize("name", names("process_data.py", teachers=True, good=True))
def test_an_allowed_teacher_answers(name: str, arena: Arena) -> None:
    with taught(arena, name) as here:
        with here.unharmed():
            assert [f for f in here.dojo.precheck(here.submission(name)) if f.severity == "error"] == []
        assert {call.pool for call in here.data_calls} == {"self"}


def test_the_run_goes_on_and_ends_well(arena: Arena) -> None:
    """After all attacks: an honest submission is trained and accepted, the test opened once, the record whole."""
    observation = arena.dojo.step(arena.submission("good_recipe"))
    decision = observation.history[-1].decision
    assert decision is not None
    assert decision.accepted
    result = arena.dojo.close()
    assert result.outcome == "scored"
    audit = verify(arena.dojo.run, home=Home(arena.folder / "home"), progress=Silent())
    assert [check for check in audit.checks if check.status == "failed"] == []


@pytest.mark.parametrize("name", [*names("model.py"), *names("model.py", good=True)])
def test_only_a_model_that_descends_from_its_base_is_graded(
    name: str, finished_run: Path, tiny_model: Path, tmp_path: Path
) -> None:
    model = shutil.copytree(finished_run / "run/model", tmp_path / "model")
    runpy.run_path(str(CORPUS / name / "model.py"))["tamper"](model)
    with Ledger(finished_run / "run", writable=False) as ledger:
        done = ledger.events("iteration")[0].payload["iteration"]["feedback"]["training"]
    reasons = lineage.faults(tiny_model, model, TrainConfig.model_validate(TRAIN), done["steps"])
    if name.startswith("good_"):
        assert reasons == []
    else:
        assert any(re.search(EXPECTED[name]["says"], reason) for reason in reasons), reasons


@pytest.mark.parametrize("name", [*names("record.py"), *names("record.py", good=True)])
def test_a_tampered_record_fails_its_audit(name: str, finished_run: Path, tmp_path: Path) -> None:
    place = shutil.copytree(finished_run, tmp_path / "copy")
    runpy.run_path(str(CORPUS / name / "record.py"))["tamper"](place)
    audit = verify(place / "run", home=Home(place / "home"), progress=Silent())
    found = {check.name: check.status for check in audit.checks}
    if name.startswith("good_"):
        assert set(found.values()) == {"ok"}
    else:
        status = EXPECTED[name].get("status", "failed")
        assert found[EXPECTED[name]["check"]] == status
        assert audit.ok is (status != "failed")
