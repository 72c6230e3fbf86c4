"""Every parser of outside input, on text that nobody means: only the errors that it promises, in bounded time.

The quick tests try a few examples each. ``make fuzz`` goes on for as long as it is told, target by target.
"""

from __future__ import annotations

import contextlib
import functools
import json
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ftdojo import handshake, plain, tasks
from ftdojo.agents.draft import Draft
from ftdojo.agents.ft_agent import edits
from ftdojo.agents.ft_agent.planning import PlanReply
from ftdojo.bench.suite import Suite
from ftdojo.contract import recipe_program
from ftdojo.contract.budget import parse_duration
from ftdojo.contract.prompts import load_prompts
from ftdojo.contract.recipe import Recipe, Source
from ftdojo.contract.submission import Plan
from ftdojo.contract.train_config import TrainConfig
from ftdojo.data import OverlapIndex
from ftdojo.data.profile import profile
from ftdojo.episode.extension import read_request
from ftdojo.errors import FtdojoError
from ftdojo.gates import data_program
from ftdojo.gates import text as gate_text
from ftdojo.gates.decontamination import decontaminate
from ftdojo.judge import ReplyFile, read_judged, read_rubric
from ftdojo.judge.question import VerdictForm
from ftdojo.llm import JsonForm
from ftdojo.llm.form import Blocks, Unusable, first_object
from ftdojo.llm.prompt import quoted
from ftdojo.outside.layout import fit, to_text
from ftdojo.outside.server import Address
from ftdojo.outside.tools import TOOLS
from ftdojo.outside.usage import read_usage
from ftdojo.record import RunFolder
from ftdojo.report import text as report_text
from ftdojo.sandbox import tail
from ftdojo.schema import load_file, parse
from ftdojo.tasks import answers, extract, scoring, template
from ftdojo.tasks.bounded_template import is_simple
from ftdojo.tasks.folder import TaskFile
from ftdojo.tasks.raw_files import READERS
from ftdojo.tasks.rows import read_jsonl
from ftdojo.training import Grading
from ftdojo.training.dpo import Dpo, Kto
from ftdojo.training.grpo import Grpo
from ftdojo.training.program.config import ProgramConfig
from ftdojo.training.program.progress import ProgressFile
from ftdojo.training.program.written import require_config, require_tensors
from ftdojo.training.sft import Sft
from ftdojo.ui.asking import read_question
from ftdojo.ui.curve import CurrentCurve
from ftdojo_tasks.table.visualization import extract_code, references
from hostile_text import bounded, deep, texts, values

some = settings(
    max_examples=settings().max_examples // 10, deadline=None, suppress_health_check=list(HealthCheck)
)  # there are many targets, and some examples are long

FILES: dict[str, type[Any]] = {
    "plan.yaml": Plan,
    "train.yaml": TrainConfig,
    "recipe.yaml": Recipe,
    "train-program.yaml": ProgramConfig,
    "task.toml": TaskFile,
    "suite.toml": Suite,
}
KEYS = {name: list(model.model_fields) for name, model in FILES.items()}
ITEM_KEYS = ["id", "question", "answer", "choices", "subtask", "role", "content"]
ITEMS = Grpo().bind(Grading(tasks.get("math/aime25"), lambda: contextlib.nullcontext(lambda items, outputs: [])))
OVERLAP = OverlapIndex.from_texts(["what is the answer to this question of ours", "C c1 N 9"])


def in_file(name: str, content: str | bytes, read: Callable[[Path], object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        read(path)


def read_all(reader: Callable[[Path], Iterator[Any]], path: Path) -> None:
    list(reader(path))


def hostile_recipe(text: str) -> None:
    recipe = parse(
        {"sources": [{"path": "a.jsonl", "prompt": text, "completion": text, "where": text}]}, Recipe, where="recipe"
    )
    Draft(recipe, TrainConfig())


def edited(text: str) -> None:
    draft = Draft(Recipe(sources=[Source(path="a.jsonl", prompt="{{ a }}", completion="b")]), TrainConfig())
    for key in edits.values(draft, tasks.get("chemistry/mol_und").spec):
        edits.apply(draft, tasks.get("chemistry/mol_und").spec, [(key, text), (text[:50], text)])


def rendered(text: str) -> None:
    template.render(template.compile_template("{{ x | from_json }} {{ x }}", strict=True), {"x": text})


def adapter_of_a_program(path: Path) -> None:
    own = path.with_name("own.json")
    own.write_text('{"r": 4, "target_modules": ["q_proj"], "use_dora": false}')
    require_config(path, own)


Target = tuple[Callable[[str], object], tuple[type[Exception], ...]]
TARGETS: dict[str, Target] = {
    **{f"file {n}": (partial(in_file, n, read=partial(load_file, model=m)), ()) for n, m in FILES.items()},
    **{f"raw data{s}": (partial(in_file, f"x{s}", read=partial(read_all, READERS[s])), ()) for s in READERS},
    **{f"profile{s}": (partial(in_file, f"x{s}", read=lambda p: profile(p.parent)), ()) for s in READERS},
    "recipe templates": (hostile_recipe, ()),
    "recipe from_json": (recipe_program.from_json, ()),
    "task template": (rendered, (ValueError,)),
    "task template text": (template.compile_template, (ValueError,)),
    "edits of a plan": (edited, (ValueError,)),
    "rows of a data program": (lambda t: data_program.read_json_lines(t.encode("utf-8", "surrogatepass")), ()),
    "request for more time": (partial(in_file, "more_time", read=lambda p: read_request(RunFolder(p.parent))), ()),
    "question of a page": (lambda t: read_question(t.encode("utf-8", "surrogatepass")), ()),
    "LLM object": (first_object, (Unusable,)),
    "LLM plan": (JsonForm(PlanReply).read, (Unusable,)),
    "LLM verdict": (VerdictForm().read, (Unusable,)),
    "replies of a judge": (lambda t: in_file("replies.jsonl", t, ReplyFile), ()),
    "judged outputs": (lambda t: in_file("judged.jsonl", t, read_judged), ()),
    "rubric": (lambda t: in_file("rubric.md", t, read_rubric), ()),
    "LLM files": (Blocks({"recipe.yaml": "yaml", "process_data.py": "python"}, needed="").read, (Unusable,)),
    "quoted in a prompt": (lambda t: quoted(t, 500), ()),
    "predictions": (lambda t: in_file("p", t, lambda p: scoring.pair([{"id": "a"}], read_jsonl(p), where="p")), ()),
    "answer json": (extract.json_object, ()),
    "answer from_json": (extract.from_json, ()),
    "answer exact": (lambda t: answers.exact("yes", t), ()),
    "answer fields": (lambda t: answers.json_fields('{"a": [1, {"b": "c"}], "d": null}', t, metric="accuracy"), ()),
    "answer number": (lambda t: answers.number("7", t, tolerance=0.1), ()),
    "answer choice": (lambda t: answers.choice("yes", t, choices=["yes", "no", "not at all"]), ()),
    "chart code": (extract_code, ()),
    "chart references": (references, (ValueError,)),
    "overlap": (lambda t: OVERLAP.keep([[t, t[:1000]], [t[1000::-1]]]), ()),
    "gate marks": (
        lambda t: [pattern.search(t) for pattern in (gate_text.CHAT_MARKS, gate_text.PLACEHOLDERS, gate_text.BROKEN)],
        (),
    ),
    "gate words": (lambda t: (gate_text.script(t), gate_text.language([t]), gate_text.repetitive(t)), ()),
    "gate common parts": (lambda t: gate_text.gists([t, t[1:], "x"]), ()),
    "shown in a finding": (gate_text.quote, ()),
    "shown in a report": (lambda t: report_text.line(report_text.clean(t, 2000), 100), ()),
    "printed by a program": (tail.clean, ()),
    "shown on a terminal": (lambda t: (plain.remove_controls(t), plain.escape_controls(t)), ()),
    "template without limits": (lambda t: template.compile_template(t) and is_simple(t), (ValueError,)),
    "duration": (parse_duration, ()),
    "prompts of an owner": (lambda t: in_file("own.yaml", t, lambda p: load_prompts(str(p))), ()),
    "prompts as an option": (lambda t: load_prompts("{" + t), ()),
    "first message of a client": (handshake.first_answer, ()),
    "arguments of tools": (lambda t: [tool.parse({"files": t, "path": t, "wait_s": t}) for tool in TOOLS], ()),
    "answer to an agent": (lambda t: to_text(fit({"a": t, "b": [{t: t}]})), ()),
    "usage of an agent": (lambda t: in_file("usage.json", t, lambda p: read_usage(p.parent)), ()),
    "progress of a training program": (
        lambda t: in_file("progress.jsonl", t, lambda p: ProgressFile(p.parent, max_steps=None).update()), ()
    ),
    "adapter of a training program": (lambda t: in_file("adapter_config.json", t, adapter_of_a_program), ()),
    "weights of a training program": (
        lambda t: in_file("x.safetensors", t, lambda p: require_tensors(p, {"a": [1]}, frozenset())), ()
    ),
    "metrics": (lambda t: in_file("metrics.jsonl", t, lambda p: CurrentCurve(RunFolder(p.parent)).read(1)), ()),
    "address of an episode": (lambda t: in_file("address.json", t, Address.read), ()),
}  # fmt: skip


@pytest.mark.parametrize("name", TARGETS)
@some
@given(text=texts())
def test_hostile_text(name: str, text: str) -> None:
    target, promised = TARGETS[name]
    with bounded(), contextlib.suppress(FtdojoError, *promised):
        target(text)


@pytest.mark.parametrize("name", FILES)
@some
@given(data=st.data())
def test_settings_of_any_type(name: str, data: st.DataObject) -> None:
    value = data.draw(st.dictionaries(st.sampled_from(KEYS[name]), deep(KEYS[name]), max_size=6) | deep(KEYS[name]))
    with bounded():
        with contextlib.suppress(FtdojoError):
            parse(value, FILES[name], where=name)
        try:
            text = yaml.safe_dump(value)
        except RecursionError:
            return
        with contextlib.suppress(FtdojoError):
            in_file("x.yaml", text, lambda path: load_file(path, FILES[name]))


ROW_KEYS = ["prompt", "completion", "instruction", "input", "output", "messages", "role", "content", "subtask"]


@some
@given(st.lists(st.dictionaries(st.sampled_from(ROW_KEYS), deep(ROW_KEYS) | texts(), max_size=4), max_size=4))
def test_rows_of_a_data_program(rows: list[dict[str, Any]]) -> None:
    with bounded(), contextlib.suppress(FtdojoError):
        decontaminate(data_program.parse(rows, Sft(), max_rows=3), OVERLAP)


PAIR_KEYS = ["prompt", "chosen", "rejected"]


@some
@given(st.dictionaries(st.sampled_from(PAIR_KEYS), deep(ROW_KEYS) | texts(), min_size=2))
def test_preferences_of_a_data_program(row: dict[str, Any]) -> None:
    with bounded(), contextlib.suppress(FtdojoError):
        rows = data_program.parse([row], Dpo(), max_rows=3)
        list(Dpo().check_rows(decontaminate(rows, OVERLAP).rows))


@some
@given(st.dictionaries(st.sampled_from(["prompt", "completion", "label"]), deep(ROW_KEYS) | texts() | st.booleans()))
def test_judged_answers_of_a_data_program(row: dict[str, Any]) -> None:
    with bounded(), contextlib.suppress(FtdojoError):
        rows = data_program.parse([{"label": True, **row}], Kto(), max_rows=3)
        list(Kto().check_rows(decontaminate(rows, OVERLAP).rows))


@some
@example({"question": "q", "answer": "`" * 90_000 + "c1"}, False)
@given(st.dictionaries(st.sampled_from(ITEM_KEYS), deep(ROW_KEYS) | texts()), st.booleans())
def test_items_of_a_data_program(item: dict[str, Any], shuffled: bool) -> None:
    given = {"item": None, "prompt": [item], "completion": item.get("answer")} if shuffled else {"item": item}
    with bounded(), contextlib.suppress(FtdojoError):
        rows = data_program.parse([given], ITEMS, max_rows=3)
        decontaminate(rows, OVERLAP)


@some
@given(st.lists(deep(["id", "output"]), max_size=4))
def test_predictions_of_any_type(rows: list[Any]) -> None:
    with bounded(), contextlib.suppress(FtdojoError):
        content = "\n".join(json.dumps(row) for row in rows)
        in_file("p", content, lambda p: scoring.pair([{"id": "a"}, {"id": "b"}], read_jsonl(p), where="p"))


@some
@given(rows=st.lists(st.dictionaries(st.sampled_from(["a", "b", "meta"]), values(["a"]), max_size=3), max_size=3))
def test_raw_rows_through_a_recipe(rows: list[dict[str, Any]]) -> None:
    """As the sandboxed program carries it out: what a row holds must never end it."""
    source = {"path": "a.jsonl", "prompt": "{{ a }} {{ b }}", "completion": "{{ meta | from_json }}", "where": "a != 3"}
    with tempfile.TemporaryDirectory() as folder, bounded():
        Path(folder, "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        recipe_program.mix(Recipe(sources=[Source(**source)]).model_dump(), Path(folder), 10)


@functools.cache
def items() -> dict[str, list[dict[str, Any]]]:
    """Of every task that scores without a sandbox, an item of each sub-task; chemistry's, which take long to make, are
    kept beside this file."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in Path(__file__).with_name("chemistry.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        found.setdefault(row.pop("task_id"), []).append(row)
    for name in tasks.ids():
        if name in found or name == "table/visualization":  # charts are drawn in the sandbox
            continue
        with tempfile.TemporaryDirectory() as folder:
            tasks.get(name).variants["twin"].build(Path(folder), {})
            rows = read_jsonl(Path(folder, "validation.jsonl"))
        found[name] = list({row.get("subtask", row.get("qsubtype", "")): row for row in rows}.values())
    return found


SCORED = [name for name in tasks.ids() if name != "table/visualization"]


@pytest.fixture(scope="module")
def _made() -> None:
    """Before the clock of a test runs."""
    items()


@pytest.mark.usefixtures("_made")
@pytest.mark.parametrize("name", SCORED)
@some
@given(text=texts())
def test_a_scorer_judges_any_output(name: str, text: str) -> None:
    scorer, chosen = tasks.get(name).scorer, items()[name]
    with bounded():
        verdicts = scorer.score(chosen, [text] * len(chosen))
        assert len(verdicts) == len(chosen)
        assert isinstance(scorer.value(verdicts), float)
        scorer.metrics(verdicts)


MOLECULES = st.text(st.sampled_from("CNOcnosPFI()[]=#@+-.123456789%\\/:*HBrl{}$~>xé\x00 "), max_size=60)


@pytest.mark.parametrize("name", [name for name in SCORED if name.startswith("chemistry/")])
@some
@given(molecule=MOLECULES, repeat=st.sampled_from([1, 1, 2, 50, 3000]))
def test_a_scorer_judges_any_molecule(name: str, molecule: str, repeat: int) -> None:
    task = tasks.get(name)
    with bounded():
        for item in items()[name]:
            gold = task.scorer.gold(item)
            keys = extract.json_object(gold) or {"output": ""}
            output = json.dumps(dict.fromkeys(keys, (molecule * repeat)[:100_000]))
            assert len(task.scorer.score([item], [output])) == 1
