"""The four scorers of BioProBench: the reference's extraction and metrics on known outputs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.tasks import registry
from ftdojo.tasks.check import check, training_pairs
from ftdojo.tasks.raw_files import read
from ftdojo.tasks.scoring import compare, summarize
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks.biology import err, gen, pqa
from ftdojo_tasks.biology import ord as step_order
from scoring_fixtures import CpuSeconds

NAMES = ("pqa", "ord", "err", "gen")
TASKS = {name: registry.get(f"biology/{name}") for name in NAMES}
ITEMS: dict[str, dict[str, Any]] = {
    "pqa": {
        "id": "P1",
        "question": "Incubate at ____ °C.",
        "choices": ["37", "25", "4", "50", "95"],
        "answer": "37",
        "type": "parameter",
    },
    "ord": {
        "id": "O1",
        "question": "Sort the steps titled 'Prep'",
        "wrong_steps": ["spin", "lyse", "wash"],
        "correct_steps": ["lyse", "spin", "wash"],
        "type": "top",
    },
    "err": {
        "id": "E1",
        "context": {"purpose": "p", "prior_step": "a", "next_step": None},
        "corrupted_text": "Heat to 370 °C",
        "corrected_text": "Heat to 37 °C",
        "is_correct": False,
        "type": "parameter",
        "error_description": "too hot",
    },
    "gen": {
        "id": "G1",
        "system_prompt": "You are an expert.",
        "instruction": "List the steps.",
        "input": "How to lyse cells?",
        "output": ["1. Add buffer.", "2. Spin."],
        "type": "easy",
    },
}


@pytest.fixture(scope="module", autouse=True)
def stemmer() -> None:
    """Imported beforehand: that takes longer than what is timed here."""
    gen.rouge_l("a", "a")
    import rouge_score.rouge_scorer  # noqa: F401


def tagged(text: str) -> str:
    return f"[ANSWER_START]{text}[ANSWER_END]"


def score(name: str, text: str, **changes: Any) -> ItemScore:
    (verdict,) = TASKS[name].scorer.score([{**ITEMS[name], **changes}], [text])
    return verdict


@pytest.mark.parametrize(
    ("output", "parsed"),
    [
        (tagged("37 & 90%"), ("37", 90)),
        (tagged(" 37 °C & about 100 % "), ("37 °C", 100)),
        (tagged("37 80%"), ("37", 80)),
        (f"<think>{tagged('4 & 9%')}</think>{tagged('37 & 5')}", ("37", 5)),
        (tagged("37\n& 90"), ("37", 90)),
        (tagged("37 & ９０%"), ("37", 90)),
        (tagged("a & b & 90%"), None),
        (tagged("37 & 101%"), None),
        (tagged("37 & sure"), None),
        (tagged("37"), None),
        ("37 & 90%", None),
        ("[ANSWER_START]37 & 90%", None),
        ("", None),
    ],
)
def test_a_choice_and_its_confidence(output: str, parsed: tuple[str, int] | None) -> None:
    assert pqa.parse(output) == parsed


def test_choices_are_compared_letter_by_letter() -> None:
    assert score("pqa", tagged("37 & 90%")).score == 1.0
    assert score("pqa", tagged("rinse & 90%"), answer="Rinse").error == "wrong"
    assert score("pqa", "37").error == "format"
    assert score("pqa", " ").error == "empty"


def test_unparsed_choices_count_in_the_accuracy_and_not_in_the_brier_score() -> None:
    scores = TASKS["pqa"].scorer.score([ITEMS["pqa"]] * 3, [tagged("37 & 80%"), tagged("4 & 60%"), "?"])
    assert TASKS["pqa"].scorer.value(scores) == pytest.approx(100 / 3)
    metrics = TASKS["pqa"].scorer.metrics(scores)
    assert metrics["brier_score"] == pytest.approx((0.2**2 + 0.6**2) / 2)
    assert metrics["parsed"] == pytest.approx(200 / 3)


@pytest.mark.parametrize(
    ("output", "order"),
    [
        (tagged("[1, 0, 2]"), [1, 0, 2]),
        (tagged("[0,1,2]") + tagged("[2,1,0]"), [2, 1, 0]),
        (tagged("[1, 0, 2]") + "[ANSWER_END]", [1, 0, 2]),
        (tagged("[1, 0, 2]") + "[ANSWER_START]", [1, 0, 2]),
        ("[ANSWER_START]" + tagged("[1, 0, 2]"), [1, 0, 2]),
        (tagged("[1, 0]"), None),
        (tagged("[1, 1, 2]"), None),
        (tagged("[1, 0, 3]"), None),
        (tagged("1, 0, 2"), [1, 0, 2]),
        (tagged("(1, 0, 2)"), [1, 0, 2]),
        (tagged("[1, 0, 2"), None),
        (tagged("1 0 2"), None),
        (tagged("[[1, 0, 2]]"), None),
        ("[1, 0, 2]", None),
    ],
)
def test_an_order_holds_every_step_once(output: str, order: list[int] | None) -> None:
    assert step_order.parse(output, 3) == order


def test_tau_pools_the_pairs_of_all_items() -> None:
    four = {**ITEMS["ord"], "wrong_steps": list("abcd"), "correct_steps": list("abcd")}
    scorer = TASKS["ord"].scorer
    scores = scorer.score([ITEMS["ord"], four], [tagged("[1, 0, 2]"), tagged("[3, 2, 1, 0]")])
    assert scorer.value(scores) == pytest.approx((2 * 3 - 9) / 9)
    assert scorer.metrics(scores)["exact_match"] == 50.0
    assert scorer.value(scorer.score([ITEMS["ord"], four], ["", "no idea"])) == 0.0


@pytest.mark.parametrize("steps", [["a", "a", "b"], ["a"], None])
def test_equal_steps_have_no_order(steps: list[str] | None) -> None:
    verdict = score("ord", "x", wrong_steps=steps, correct_steps=steps)
    assert (verdict.score, verdict.error) == (0.0, "bad_gold")
    assert TASKS["ord"].scorer.value([verdict]) == 0.0


@pytest.mark.parametrize(
    ("output", "verdict"),
    [
        (tagged("True"), True),
        (tagged(" false "), False),
        (tagged("True or False"), True),
        ("I think\nthat is True", True),
        ("True\nno, that is False", False),
        (f"[INST]{tagged('True')}[/INST]{tagged('False')}", False),
        ("TRUE", None),
        ("", None),
    ],
)
def test_a_verdict_on_a_step(output: str, verdict: bool | None) -> None:
    assert err.parse(output) is verdict


def test_errors_are_the_positive_class_and_unparsed_ones_are_missed() -> None:
    right = {**ITEMS["err"], "is_correct": True}
    items = [ITEMS["err"], ITEMS["err"], ITEMS["err"], right, right]
    outputs = [tagged("False"), tagged("True"), "?", tagged("False"), tagged("True")]
    scores = TASKS["err"].scorer.score(items, outputs)
    assert TASKS["err"].scorer.value(scores) == pytest.approx(100 * 2 / (2 + 1 + 2))
    metrics = TASKS["err"].scorer.metrics(scores)
    assert (metrics["precision"], metrics["recall"]) == pytest.approx((50.0, 100 / 3))
    assert metrics["accuracy"] == 40.0


def test_the_shown_step_is_the_one_to_be_judged() -> None:
    assert "Step: Heat to 370 °C\nStep after: none" in TASKS["err"].question(ITEMS["err"])
    assert "Step: Heat to 37 °C" in TASKS["err"].question({**ITEMS["err"], "is_correct": True})


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (tagged("1. Add buffer.\n2. Spin."), 1.0),
        (tagged("1. Add buffers.\n2. Spinning."), 1.0),  # stemmed
        (tagged("1. Add buffer."), 6 / 8),
        (tagged("nothing of the kind"), 0.0),
        (tagged(""), 0.0),
        ("1. Add buffer.\n2. Spin.", 0.0),
    ],
)
def test_steps_are_scored_by_common_words_in_order(output: str, expected: float) -> None:
    assert score("gen", output).score == pytest.approx(expected)


WORDS = st.sampled_from(["spin", "Spinning", "the", "washes", "wash", "1.2", "4°C", "PBS-T", "naïve", "\n", "Add"])


@given(gold=st.lists(WORDS, max_size=40), given_words=st.lists(WORDS, max_size=40))
def test_rouge_is_that_of_its_package(gold: list[str], given_words: list[str]) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    texts = " ".join(gold), " ".join(given_words)
    expected = RougeScorer(["rougeL"], use_stemmer=True).score(*texts)["rougeL"].fmeasure
    assert gen.rouge_l(*texts) == pytest.approx(expected)


@given(gold=st.text(), given_text=st.text())
def test_rouge_is_that_of_its_package_on_any_text(gold: str, given_text: str) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    expected = RougeScorer(["rougeL"], use_stemmer=True).score(gold, given_text)["rougeL"].fmeasure
    assert gen.rouge_l(gold, given_text) == pytest.approx(expected)


def test_a_long_answer_is_cut() -> None:
    assert gen.rouge_l("b", "a " * gen.MAX_WORDS + "b") == 0.0
    assert gen.rouge_l("b", "a " * (gen.MAX_WORDS - 1) + "b") > 0.0
    assert gen.rouge_l("b", "a" * gen.MAX_CHARS + " b") == 0.0


@pytest.mark.parametrize(
    "text",
    ["a-b/" * 25_000, "wash cells " * 9_000, "y" * 99_990 + "ing", "".join(f"{n:x}ing-" for n in range(12_000))],
)
def test_long_protocols_are_compared_in_time(text: str, cpu_seconds: CpuSeconds) -> None:
    taken = cpu_seconds(lambda: score("gen", tagged(f"{text} x"), output=[text]))
    assert taken < 2


def test_blanks_in_a_list_cost_no_time(cpu_seconds: CpuSeconds) -> None:
    output = tagged(f"[1{' ' * 9_900}x")
    assert cpu_seconds(lambda: [step_order.parse(output, 3) for _ in range(20)]) < 1


@pytest.mark.parametrize("name", NAMES)
def test_hostile_outputs_are_scored(name: str, hostile: str, cpu_seconds: CpuSeconds) -> None:
    for output in (hostile, tagged(hostile), tagged(f"[{hostile}]")):
        assert cpu_seconds(partial(score, name, output)) < 2
        assert score(name, output).score < 1.0


@pytest.mark.parametrize("name", NAMES)
@given(text=st.text())
def test_any_text_is_scored(name: str, text: str) -> None:
    for output in (text, tagged(text)):
        assert 0.0 <= score(name, output).score <= 1.0


@pytest.mark.parametrize(
    ("name", "changes"), [("pqa", {"answer": None}), ("err", {"is_correct": "yes"}), ("gen", {"output": "1. a"})]
)
def test_an_item_whose_gold_answer_cannot_be_read_is_wrong(name: str, changes: dict[str, Any]) -> None:
    verdict = score(name, "x", **changes)
    assert (verdict.score, verdict.error) == (0.0, "bad_gold")
    assert TASKS[name].scorer.metrics([verdict])["unreadable_gold"] == 1.0


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("pqa", tagged("37 & 90%")),
        ("ord", tagged("[1, 0, 2]")),
        ("err", tagged("False")),
        ("gen", tagged("1. Add buffer.\n2. Spin.")),
    ],
)
def test_the_value_of_the_reference_leaves_out_what_cannot_be_parsed(name: str, right: str) -> None:
    task = TASKS[name]
    items = [{**ITEMS[name], "id": str(i)} for i in range(2)]
    scores = task.scorer.score(items, [right, "no idea"])
    assert task.scorer.metrics(scores)[f"{task.spec.metric}_of_parsed"] == pytest.approx(task.spec.best_value)
    assert task.scorer.value(scores) < task.spec.best_value
    nothing = task.scorer.score(items, ["", ""])
    assert task.scorer.metrics(nothing)[f"{task.spec.metric}_of_parsed"] == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_the_twin_proves_itself(name: str, twins: Callable[[str], Path]) -> None:
    folder = twins(f"biology/{name}")
    report = check(TASKS[name], folder)
    assert report.ok, report.findings
    (source,) = TASKS[name].spec.raw_sources
    rows = [row for row in read(folder / "raw" / source.path) if isinstance(row, dict)]
    answer = next(rendering for rendering in source.renderings if rendering.name == "answer")
    pairs = list(training_pairs(answer, rows))
    prompts = {TASKS[name].question(row).strip() for row in rows}
    assert {prompt for prompt, _ in pairs} <= prompts
    right = TASKS[name].scorer.score(rows[:1], [pairs[0][1]])
    assert right[0].parsed


def test_the_interval_of_a_pooled_metric_is_bootstrapped() -> None:
    right = {**ITEMS["err"], "is_correct": True}
    items = [{**item, "id": str(i)} for i, item in enumerate([ITEMS["err"], right] * 40)]
    task = TASKS["err"]
    perfect = task.scorer.score(items, [task.scorer.gold(item) for item in items])
    always = task.scorer.score(items, [tagged("False")] * len(items))
    blank = task.scorer.score(items, [""] * len(items))
    assert (summarize(task, perfect).low, summarize(task, perfect).high) == (100.0, 100.0)
    estimate = summarize(task, always)
    assert estimate.value == pytest.approx(200 / 3)
    assert estimate.low < estimate.value < estimate.high
    assert compare(task, perfect, always).low > 0
    assert compare(task, always, blank).low > 0
    assert compare(task, always, always).low == compare(task, always, always).high == 0.0
