"""report.html: complete, self-contained, bounded, and deaf to what it quotes."""

from __future__ import annotations

import re
import shutil
import time
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest

from ftdojo.contract.feedback import ErrorSample, Feedback
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import ClassScore, Gap
from ftdojo.contract.submission import PlannedChange
from ftdojo.errors import UsageError
from ftdojo.findings import Finding
from ftdojo.record import Ledger, RunFolder
from ftdojo.report import write_report

SECTIONS = {"verdict", "course", "iterations", "subtasks", "details", "record"}
VOID = {"meta", "br", "link", "img", "input", "hr"}
SCRIPT = "<script>alert(1)</script>"
HOSTILE = f'"><img src=x onerror=alert(1)>{SCRIPT}]]>--></style></pre>{{{{ 7*7 }}}}$\\frac\x00\x1b[31mred\u202egpj'
MakeRun = Callable[..., Path]


class Page(HTMLParser):
    """The parsed page: elements, ids, links, text; every element that is opened must be closed."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.source = path.read_text("utf-8")
        self.tags: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.headings: list[int] = []
        self.open_details: list[str] = []
        self._stack: list[str] = []
        self.feed(self.source)
        self.close()
        assert self._stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags[tag] += 1
        self.attributes += [(tag, name, value) for name, value in given.items()]
        if "id" in given:
            self.ids[given["id"]] += 1
        if tag == "details" and "open" in given:
            self.open_details.append(given["id"])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self._stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._stack.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._stack and self._stack[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def check(self) -> None:
        """What holds for every report."""
        assert set(self.ids) >= SECTIONS
        assert max(self.ids.values()) == 1
        assert not {"script", "img", "iframe", "object", "embed", "link", "base", "form", "video"} & set(self.tags)
        assert not [a for a in self.attributes if a[1].startswith("on") or a[1] in ("src", "srcset", "action", "xmlns")]
        links = [value for _, name, value in self.attributes if name == "href"]
        assert all(link.startswith("#") and link[1:] in self.ids for link in links)
        assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", self.source)
        assert self.headings.count(1) == 1
        assert all(after <= before + 1 for before, after in zip(self.headings, self.headings[1:], strict=False))
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", self.source)


def test_a_finished_run(make_run: MakeRun) -> None:
    run = make_run(files={"recipe.yaml": "max_rows: 1984\n", "train.yaml": "epochs: 4.0\n"})
    path = write_report(run)
    assert path == run / "report.html"
    page = Page(path)
    page.check()
    assert (
        "Test accuracy rose from 8.5 % [2.5, 14.5] to 61.0 % [55.0, 67.0]; the 95 % intervals do not overlap."
        in page.text
    )
    assert "3 accepted, 2 rejected, 1 stopped" in page.text
    assert "The run stopped because the agent had nothing further to propose. Test was opened once" in page.text
    assert "gate 2, program_failed: KeyError: 'smiles'" in page.text
    assert "baseline: accuracy 8.5 [5.2, 12.9], n = 200, parsed 41%" in page.text
    assert "the held-out loss falls further" in page.text
    assert "max_rows: 1984" in page.text
    assert "c1ccc2ccccc2c1" in page.text
    assert page.open_details == ["iteration-6"]
    assert page.tags["svg"] == 2
    assert "25 min 16 s" in page.text  # 70 s for the baseline and 241 s for each of six iterations
    assert "30 min 0 s" in page.text  # the limit


BESIDE = Gap(to="majority", value=2.0, interval=(-3.0, 7.0), better=False)


def test_scores_stand_with_what_needs_no_training(make_run: MakeRun, build: SimpleNamespace) -> None:
    easy = (build.trivial("2", n=100), build.trivial())
    page = Page(write_report(make_run(trivial=easy, to_trivial=BESIDE)))
    page.check()
    assert (
        "The model is better than the base model, but not shown to be better than the best constant of each sub-task."
        in page.text
    )
    rows = re.search(r"validation test base model (.*) What next", page.text)
    assert rows is not None
    assert rows.group(1) == (
        "8.5 % [2.5, 14.5] 8.5 % [2.5, 14.5] iteration 6, the best 64.5 % [58.5, 70.5] 61.0 % [55.0, 67.0] "
        "always answering 2 39.0 % [33.0, 45.0] – always answering 1 – 39.0 % [33.0, 45.0] "
        "the best constant of each sub-task 41.0 % [35.0, 47.0] 41.0 % [35.0, 47.0] "
        "the base model with 4 examples in its prompt 24.0 % [18.0, 30.0], 100 items 24.0 % [18.0, 30.0]"
    )
    assert "Without training: constant 39.0, constant by sub-task 41.0, few-shot 24.0." in page.source


@pytest.mark.parametrize("better", [True, False])
def test_guard_tasks_stand_with_what_needs_no_training(
    make_run: MakeRun, build: SimpleNamespace, *, better: bool
) -> None:
    run = make_run(guard_trivial=build.untrained(better=better, output=f"yes {HOSTILE}"))
    page = Page(write_report(run))
    words = " ".join(page.text.split())
    assert re.search(r"always answering yes [^:]*: 55\.0 % \[49\.0, 61\.0\]", words)
    assert "the base model with 2 examples in its prompt: 50.0 % [44.0, 56.0], 20 items" in words
    warned = "the base model is not shown to be better than always answering yes"
    assert (warned in words) != better
    assert "alert(1)" not in page.source.replace("&lt;script&gt;alert(1)", "")


def test_test_items_show_both_models_and_the_right_answer(make_run: MakeRun, build: SimpleNamespace) -> None:
    run = make_run(examples=build.EXAMPLES)
    page = Page(write_report(run))
    page.check()
    assert page.tags["article"] == 10
    assert (
        "ring_count test-3 How many rings has molecule 3? base model wrong C1CC1 is a molecule. iteration 6 right "
        "answer 3 right answer the right answer 3" in page.text
    )
    assert "must not be shown to an agent" in page.text
    examples = RunFolder(run).examples
    examples.write_text(examples.read_text("utf-8").replace("answer 3", "answer 4"), "utf-8")
    assert "examples" not in Page(write_report(run)).ids, "a file that was changed is not the run's"


@pytest.mark.parametrize("keys", [("baseline", "best"), ("baseline", "best", "constant", "few_shot")])
def test_the_share_of_each_class_has_its_interval(
    make_run: MakeRun, build: SimpleNamespace, keys: tuple[str, ...]
) -> None:
    """With what needs no training beside it, unless an older build did not count it."""
    counts = {"baseline": 10, "best": 30, "constant": 40, "few_shot": 0}
    classes = [ClassScore(answer=HOSTILE, items=40, right={key: counts[key] for key in keys})]
    page = Page(write_report(make_run(classes=classes, trivial=(None, build.trivial()))))
    page.check()
    shares = ["25.0 % [12.3, 40.1]", "75.0 % [59.9, 87.7]", "100.0 % [92.8, 100.0]", "0.0 % [0.0, 7.2]"]
    assert " ".join(["40", *shares[: len(keys)]]) in page.text
    assert page.text.count("few-shot") == ("few_shot" in keys)


def test_hostile_test_items_do_not_act(make_run: MakeRun, build: SimpleNamespace) -> None:
    hostile = [
        example.model_copy(
            update={
                "id": HOSTILE,
                "question": HOSTILE * 100,
                "right": HOSTILE,
                "answers": {"baseline": example.answers["best"].model_copy(update={"output": HOSTILE})},
            }
        )
        for example in build.EXAMPLES
    ]
    Page(write_report(make_run(examples=hostile, trivial=(build.trivial(HOSTILE), None)))).check()


@pytest.mark.parametrize(
    ("until", "sentence"),
    [
        ("started", "The run is not finished: the base model has not been evaluated yet."),
        ("baseline", "So far no submission was made; the base model's validation accuracy is 8.5 % [2.5, 14.5]."),
        ("iterations", "The run is not finished. So far validation accuracy rose from 8.5 %"),
        ("stopped", "Test is sealed"),
        ("test_opened", "it was not scored"),
        ("test_scored", "Test accuracy rose from"),
    ],
)
def test_an_unfinished_run_tells_how_far_it_got(
    make_run: MakeRun, build: SimpleNamespace, until: str, sentence: str
) -> None:
    page = Page(write_report(make_run(build.STORY, until=until)))
    page.check()
    assert sentence in page.text
    assert "unfinished" in page.text


def test_a_report_can_be_written_while_the_run_is_at_work(make_run: MakeRun) -> None:
    run = make_run(until="iterations")
    with Ledger(run):
        Page(write_report(run)).check()


def test_a_run_in_which_nothing_was_better(make_run: MakeRun, build: SimpleNamespace) -> None:
    page = Page(write_report(make_run([build.evaluated(1, 9.0, 0.5), build.stopped(2), build.evaluated(3, 6.0, -2.5)])))
    page.check()
    assert (
        "No submission was shown to be better than the base model on validation, so the base model remains the best"
        in page.text
    )
    assert "2 rejected, 1 stopped" in page.text
    assert page.open_details == []


def test_a_run_of_which_no_submission_passed(make_run: MakeRun, build: SimpleNamespace) -> None:
    page = Page(write_report(make_run([build.stopped(1), build.stopped(2)])))
    page.check()
    assert "No submission passed the gates, so the base model remains the best" in page.text
    assert "Nothing has been trained yet." in page.text


def test_a_metric_of_which_less_is_better(make_run: MakeRun) -> None:
    page = Page(write_report(make_run(higher_is_better=False)))
    assert "do not overlap (lower is better)." in page.text


def hostile_iterations(build: SimpleNamespace) -> list[Iteration]:
    """One that was scored and one that was stopped, with hostile text and endless lists in every place for text."""
    changes = [PlannedChange(key=HOSTILE, before=HOSTILE, after=HOSTILE * 100, because=HOSTILE, expected=HOSTILE)] * 500
    plan = build.plan(hypothesis=HOSTILE * 1000, evidence=[HOSTILE] * 500, changes=changes)
    bomb = ErrorSample(
        id=HOSTILE, subtask=HOSTILE, prompt="\u202e\x1b[2J" * 1000, output=HOSTILE + "A" * 2**20, error=HOSTILE
    )
    scored = build.evaluated(1, 40.0, 30.0, given=plan, samples=[bomb] * 3)
    feedback = scored.feedback
    many = {f"{HOSTILE}{k}": k for k in range(500)}
    evaluation = feedback.evaluation.model_copy(update={"errors": many, "metrics": many, "subtasks": many})
    data = feedback.data.model_copy(update={"per_subtask": many})
    scored = scored.model_copy(
        update={"feedback": feedback.model_copy(update={"evaluation": evaluation, "data": data})}
    )
    finding = Finding(code=HOSTILE, gate=0, message=HOSTILE * 100, where=HOSTILE, fix=HOSTILE)
    stopped = build.stopped(2, plan)
    execution = stopped.feedback.execution.model_copy(update={"findings": [finding] * 500})
    return [scored, stopped.model_copy(update={"feedback": Feedback(execution=execution)})]


def test_hostile_text_is_shown_and_does_nothing(make_run: MakeRun, build: SimpleNamespace) -> None:
    names = dict.fromkeys(("task", "model", "agent", "planner", "variant"), HOSTILE * 1000)
    files = {"process_data.py": HOSTILE * 10_000, "train.yaml": HOSTILE}
    run = make_run(
        hostile_iterations(build), files=files, objective=HOSTILE * 1000, metric=HOSTILE, configuration=names
    )
    page = Page(write_report(run))
    page.check()
    assert SCRIPT in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.source
    assert "]]&gt;--&gt;&lt;/style&gt;" in page.source
    assert "{{ 7*7 }}" in page.text
    assert "476 more" in page.text  # 500 entries, of which 24 are shown
    assert "more characters)" in page.text
    assert len(page.source) < 1_500_000


def test_links_in_a_submission_are_not_followed(make_run: MakeRun, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the sealed answers")
    run = make_run(files={"train.yaml": "epochs: 4.0\n"})
    (run / "submissions" / "006" / "recipe.yaml").symlink_to(secret)
    (run / "submissions" / "006" / "process_data.py").mkdir()
    page = Page(write_report(run))
    page.check()
    assert "the sealed answers" not in page.text
    assert "epochs: 4.0" in page.text


def test_a_run_without_its_submissions(make_run: MakeRun) -> None:
    run = make_run()
    shutil.rmtree(run / "submissions")
    Page(write_report(run)).check()


def test_a_thousand_iterations_open_quickly(make_run: MakeRun, build: SimpleNamespace) -> None:
    run = make_run([build.evaluated(n, 40 + n / 50, 6.0 if n == 7 else 1.0, points=20) for n in range(1, 1001)])
    begun = time.process_time()
    path = write_report(run)
    assert time.process_time() - begun < 5
    page = Page(path)
    page.check()
    assert {"iteration-7", "iteration-951", "iteration-1000"} <= set(page.ids)
    assert not {"iteration-6", "iteration-8", "iteration-950"} & set(page.ids)
    assert "949 more iterations: in the record" in page.text
    assert "989 more evaluated iterations, in the record" in page.text  # of 1,000, the best and the last 10 are shown
    assert len(page.source) < 3_000_000


def test_the_same_record_gives_the_same_page(make_run: MakeRun) -> None:
    run = make_run()
    assert write_report(run).read_bytes() == write_report(run).read_bytes()


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no run"):
        write_report(tmp_path)
    Ledger(tmp_path).close()
    with pytest.raises(UsageError, match="nothing is recorded"):
        write_report(tmp_path)


def test_the_page_says_what_to_do_next_and_how_to_repeat_it(make_run: MakeRun) -> None:
    run = make_run()
    (run / "model").mkdir(exist_ok=True)
    page = Page(write_report(run))
    page.check()
    assert f"ftdojo export {run}" in page.text
    assert "Repeat it" in page.text
    command = re.search(r"ftdojo run chemistry/mol_und [^\n]*", page.text)
    assert command is not None
    assert "--data twin" in command[0]
