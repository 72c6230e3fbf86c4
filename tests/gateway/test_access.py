"""Data programs that ask language models, in whole runs: what is paid, recorded, resumed, replayed and found."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ftdojo.cli import llms
from ftdojo.contract.call import Call
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.data import prepare
from ftdojo.episode import Dojo, run_episode, validate
from ftdojo.errors import UsageError
from ftdojo.findings import Finding
from ftdojo.gates import data_program
from ftdojo.gateway import DataLlm, pools
from ftdojo.gateway.access import Access
from ftdojo.llm import Transport, connect
from ftdojo.record import Home, Ledger
from ftdojo.record.history import History
from ftdojo.tasks import get
from ftdojo.training.sft import Sft
from scripted_llm import ScriptedLlm, Step, scripted
from submissions import READS, Submits, write_submission

PROGRAM = f"""{READS}
import ftdojo_llm

questions = [row["request"] for row in rows]
with open(given.output, "w") as out:
    for question, reply in zip(questions, ftdojo_llm.ask_all(questions, max_tokens=20)):
        if reply is not None:
            out.write(json.dumps(dict(prompt=question, completion=reply)) + "\\n")
"""
ROWS = 80
"""All raw rows of the task."""


def knows(_: int, body: dict[str, Any]) -> Step:
    """The right answers, each for 100 and 10 tokens."""
    return Step(content="no" if "Bob" in body["messages"][-1]["content"] else "yes")


def submission(folder: Path, program: str = PROGRAM) -> Path:
    return write_submission(folder, train={"epochs": 2}, program=program)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


def weak(llm: ScriptedLlm) -> dict[str, Transport]:
    return {"weak": connect("openai:small", base_url=llm.url)}


def dojo(run: Path, task: Path, model: Path, home: Home, models: dict[str, Transport] | None, **budget: Any) -> Dojo:
    data_llm = DataLlm(models=models) if models is not None else None
    given: dict[str, Any] = {"wall_s": None, "submissions": 1, **budget}
    options = RunOptions(task=str(task), model=str(model), agent="scripted", **given)
    return Dojo(options, run, home=home, data_llm=data_llm)


def findings(opened: Dojo, folder: Path) -> list[Finding]:
    with opened as playing:
        playing.reset()
        return playing.precheck(folder)


def history(run: Path) -> tuple[list[Any], int]:
    """The calls of data programs in a record, and what was charged for input."""
    with Ledger(run, writable=False) as ledger:
        told = History(ledger)
        assert [call for calls in told.calls for call in calls] == [], "no call of the agent"
        return [call for calls in told.data_calls for call in calls], told.spent.input_tokens


def test_a_run_pays_each_question_once_and_is_replayed_without_a_network(
    tmp_path: Path, approve: Path, tiny_model: Path, home: Home
) -> None:
    agent = Submits(submission(tmp_path / "s"))
    with scripted(knows) as llm:
        with dojo(tmp_path / "first", approve, tiny_model, home, weak(llm)) as playing:
            result = run_episode(playing, agent)
        assert result.outcome == "scored"
        assert len(llm.requests) == ROWS, "the full run does not pay for the trial again"
        assert (result.budget.llm.input_tokens, result.budget.llm.output_tokens) == (100 * ROWS, 10 * ROWS)
        assert agent.seen[0].data_llm == {"weak": "openai:small"}
        assert {"request", "verdict"} <= set(agent.seen[0].item_fields)

        assert findings(dojo(tmp_path / "again", approve, tiny_model, home, weak(llm)), agent.folders[0]) == []
        assert len(llm.requests) == ROWS
        calls, spent = history(tmp_path / "again")
        assert (len(calls), spent) == (ROWS, 0), "kept replies cost nothing, and are recorded"

    home.replies.unlink()
    planner, recorded = llms.load_recorded(tmp_path / "first")
    assert planner is None
    assert findings(dojo(tmp_path / "replayed", approve, tiny_model, home, recorded), agent.folders[0]) == []
    calls, spent = history(tmp_path / "replayed")
    assert (len(calls), spent) == (ROWS, 100 * ROWS)
    first, replayed = (sorted((c.key, c.reply) for c in history(tmp_path / n)[0]) for n in ("first", "replayed"))
    assert first == replayed
    changed = submission(tmp_path / "changed", PROGRAM.replace("max_tokens=20", "max_tokens=21"))
    opened = dojo(tmp_path / "other", approve, tiny_model, home, recorded)
    with pytest.raises(UsageError, match="no answer to a request of a data program"):
        findings(opened, changed)


KILLED = """
import sys
from pathlib import Path
from ftdojo.contract.options import RunOptions
from ftdojo.episode import Dojo
from ftdojo.gateway import DataLlm
from ftdojo.llm import connect
from ftdojo.record import Home
run, task, model, home, url, folder = sys.argv[1:]
data_llm = DataLlm(models={"weak": connect("openai:small", base_url=url)})
options = RunOptions(task=task, model=model, agent="scripted", wall_s=None, submissions=1)
with Dojo(options, Path(run), home=Home(Path(home)), data_llm=data_llm) as dojo:
    dojo.reset()
    dojo.precheck(Path(folder))
"""


def test_a_killed_run_is_resumed_and_charged_once(tmp_path: Path, approve: Path, tiny_model: Path) -> None:
    folder, run, home = submission(tmp_path / "s"), tmp_path / "run", Home(tmp_path / "home")
    with scripted(lambda n, body: Step(content=knows(n, body).content, delay_s=0.1)) as llm:
        arguments = [run, approve, tiny_model, home.root, llm.url, folder]
        process = subprocess.Popen([sys.executable, "-c", KILLED, *map(str, arguments)])
        while process.poll() is None and len(llm.requests) < 20:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        before, charged = history(run)
        assert 8 <= len(before) < 32
        assert charged == 100 * len(before)
        home.replies.unlink()  # the record is enough

        assert findings(dojo(run, approve, tiny_model, home, weak(llm)), folder) == []
        calls, charged = history(run)
        assert len({call.key for call in calls}) == len(calls) == ROWS
        assert charged == 100 * ROWS
        assert len(llm.requests) <= ROWS + pools.CONCURRENCY, "only what was in flight is asked again"


def test_rows_of_a_budget_that_was_used_up_stay_in_their_run(
    tmp_path: Path, approve: Path, tiny_model: Path, home: Home
) -> None:
    """Its program ended well with fewer rows; a run with a larger budget must not be given those."""

    def made() -> list[int]:
        return sorted(
            json.loads(p.read_text())["facts"]["report"]["rows"] for p in home.stages.glob("rows/*/manifest.json")
        )

    folder = submission(tmp_path / "s", PROGRAM.replace("ask_all(questions", "ask_all([q + ' ' for q in questions]"))
    with scripted(knows) as llm:
        before = made()
        few = dojo(tmp_path / "few", approve, tiny_model, home, weak(llm), output_tokens=412)
        assert findings(few, folder) == []
        assert made() == sorted([*before, 40])
        assert len(llm.requests) == 40
        assert findings(dojo(tmp_path / "all", approve, tiny_model, home, weak(llm)), folder) == []
        assert made() == sorted([*before, 40, ROWS])
        assert len(llm.requests) == ROWS


def test_the_pools_are_part_of_what_a_run_is(tmp_path: Path, approve: Path, tiny_model: Path, home: Home) -> None:
    with dojo(
        tmp_path / "run", approve, tiny_model, home, {"weak": connect("openai:a", base_url="http://h/v1")}
    ) as one:
        one.reset()
    with (
        dojo(tmp_path / "run", approve, tiny_model, home, {"weak": connect("openai:b", base_url="http://h/v1")}) as two,
        pytest.raises(UsageError, match="data_llm"),
    ):
        two.reset()


def test_a_dead_server_is_a_finding(
    tmp_path: Path, approve: Path, tiny_model: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "FIRST_PAUSE_S", 0.01)
    with scripted(knows) as llm:
        models = weak(llm)
    script = PROGRAM.replace("ask_all(questions", "ask_all([q + '?' for q in questions]")
    opened = dojo(tmp_path / "run", approve, tiny_model, home, models)
    (finding,) = findings(opened, submission(tmp_path / "s", script))
    assert (finding.gate, finding.code) == (2, "llm_down")
    assert finding.message.startswith("pool 'weak' does not answer: ")
    assert "ended with status 1" in finding.message
    calls, spent = history(tmp_path / "run")
    assert 4 <= len(calls) <= pools.FAULTS + pools.CONCURRENCY
    assert spent == 0


def test_a_program_that_cannot_do_without_the_budget_is_told(
    tmp_path: Path, approve: Path, tiny_model: Path, home: Home
) -> None:
    script = "import ftdojo_llm\nfor n in range(9):\n    ftdojo_llm.ask(str(n), max_tokens=10)\n"
    with scripted(knows) as llm:
        opened = dojo(tmp_path / "run", approve, tiny_model, home, weak(llm), output_tokens=35)
        (finding,) = findings(opened, submission(tmp_path / "s", script))
    assert (finding.gate, finding.code) == (2, "llm_budget")
    assert len(llm.requests) == 3


def mislabelled(approve: Path, folder: Path) -> tuple[Path, set[str]]:
    """A copy of the task in which eight labels are wrong, four of each kind, and the requests that have them."""
    shutil.copytree(approve, folder)
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text("utf-8").splitlines()]
    wrong = [row for verdict in ("yes", "no") for row in [r for r in rows if r["verdict"] == verdict][:4]]
    for row in wrong:
        row["verdict"] = {"yes": "no", "no": "yes"}[row["verdict"]]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return folder, {row["request"] for row in wrong}


def asking(folder: Path, **sample: Any) -> Path:
    recipe = {"sample": {"samples": 2, "model": "weak", "max_tokens": 20, "keep": 0, **sample}}
    return write_submission(folder, train={"epochs": 2}, recipe=recipe)


def test_a_recipe_drops_the_rows_whose_labels_a_model_contradicts(
    tmp_path: Path, approve: Path, tiny_model: Path, home: Home
) -> None:
    task, wrong = mislabelled(approve, tmp_path / "task")
    agent = Submits(asking(tmp_path / "s", contradicted="drop"))
    with scripted(knows) as llm, dojo(tmp_path / "run", task, tiny_model, home, weak(llm)) as playing:
        run_episode(playing, agent)
    with Ledger(tmp_path / "run", writable=False) as ledger:
        (iteration,) = History(ledger).iterations
    data = iteration.feedback.data
    assert data is not None
    assert data.sampled is not None
    assert (data.rows, data.sampled.dropped, data.sampled.contradicted) == (ROWS - 8, 8, 8)
    assert data.sampled.mastered == ROWS - 8
    rows = (home.stages / "rows" / iteration.digests["data"] / "rows.jsonl").read_text("utf-8")
    assert wrong.isdisjoint(json.loads(line)["prompt"] for line in rows.splitlines())
    assert "few_rows_left" not in {f.code for f in iteration.feedback.execution.findings}


def test_a_recipe_that_drops_most_rows_warns_and_one_that_drops_all_fails(
    tmp_path: Path, approve: Path, tiny_model: Path, home: Home
) -> None:
    """The trial of a few rows drops none: it would fail wherever these happen to be mastered."""
    task, wrong = mislabelled(approve, tmp_path / "task")
    folder = asking(tmp_path / "s", mastered="drop")
    with scripted(knows) as llm:
        found = findings(dojo(tmp_path / "few", task, tiny_model, home, weak(llm)), folder)
        (none,) = findings(dojo(tmp_path / "none", approve, tiny_model, home, weak(llm)), folder)
    (few,) = [finding for finding in found if finding.code == "few_rows_left"]
    assert (few.gate, few.severity) == (2, "warning")
    assert f"removed {ROWS - 8} rows, and {len(wrong)} are left; of {ROWS} that were asked" in few.message
    assert (none.code, none.fix) == ("no_rows", "keep more of the rows in 'sample'")
    assert f"{ROWS} raw rows passed over: each got right samples only" in none.message


def test_without_pools_the_import_says_why(tmp_path: Path, approve: Path, tiny_model: Path, home: Home) -> None:
    verdict = validate(submission(tmp_path / "s"), RunOptions(task=str(approve), model=str(tiny_model)), home=home)
    (finding,) = verdict.findings
    assert (verdict.gate, finding.code) == (2, "program_failed")
    assert "ImportError: this run has no language models for data programs" in finding.message


def test_the_example_of_the_guide_keeps_what_ends_in_the_right_answer(tmp_path: Path) -> None:
    guide = Path(__file__).parents[2] / "docs" / "data-programs.md"
    program, _ = re.findall(r"```python\n(.*?)```", guide.read_text("utf-8"), re.DOTALL)
    home = Home(tmp_path / "home")

    def solver(number: int, body: dict[str, Any]) -> Step:
        """Takes the last number of a problem for its answer, which is right where the last term is asked for."""
        question = body["messages"][-1]["content"]
        last = re.findall(r"\d+", question)[-1]
        return Step(content=f"I see {last}.\n\\boxed{{{last}}}", input_tokens=100, output_tokens=20)

    class Unlimited:
        def append(self, call: Call) -> None:
            pass

        def remaining(self) -> dict[str, float]:
            return {}

    variant, task = get("math/aime25").variant("twin")
    with scripted(solver) as llm:
        models = {"strong": connect("openai:large", base_url=llm.url)}
        access = Access(
            llm=DataLlm(models=models),
            task="math/aime25",
            variant=variant,
            home=home,
            log=Unlimited(),
            progress=Silent(),
        )
        data = prepare(task, variant, home)
        rows = data_program.run(program, data.raw, Sft(), limit=40, limits=access.limits(), llm=access).rows
    asked = {row.turns[0] for row in rows}
    raw = {row["problem"]: row["answer"] for row in json.loads((data.raw / "deepscaler.json").read_text("utf-8"))}
    assert 0 < len(asked) < 40
    for row in rows:
        assert row.completion.endswith(f"\\boxed{{{raw[row.turns[0].partition(chr(10))[0]]}}}")
    assert 40 < len(llm.requests) <= 80, "what was wrong was asked once more"


def test_models_are_named_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    named = ["strong=openai:gpt-5.2", "weak=openai:org/qwen3:8b@http://127.0.0.1:1/v1"]

    def connected(*named: str, base_url: str | None = None) -> Mapping[str, Transport]:
        found = DataLlm.from_options(RunOptions(task="any", data_llm=named, base_url=base_url))
        assert found is not None
        return found.models

    found = connected(*named)
    assert {pool: way.model for pool, way in found.items()} == {
        "strong": "openai:gpt-5.2",
        "weak": "openai:org/qwen3:8b",
    }
    assert [found[pool].place for pool in ("strong", "weak")] == ["", "http://127.0.0.1:1/v1"]
    assert connected("weak=openai:a", base_url="http://h/v1")["weak"].place == "http://h/v1"
    for wrong in (["openai:a"], ["Weak=openai:a"], ["weak=a"], ["weak=openai:a", "weak=openai:b"], ["weak="]):
        with pytest.raises(UsageError):
            connected(*wrong, base_url="http://h/v1")
