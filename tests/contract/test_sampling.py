"""What becomes of a model's samples of rows: which are kept, which are rejected, what is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ftdojo.contract.recipe import Recipe
from ftdojo.contract.recipe_program import sampling
from ftdojo.contract.row import parse_row
from ftdojo.tasks import get

SCORER = get("math/aime25").variant("twin")[1].scorer
LONG, SHORT, WRONG = "First this, then that: \\boxed{7}", "\\boxed{7}", "\\boxed{8}"


class Pool:
    """A model whose answer depends on the seed alone, judged by the scorer of a task."""

    LlmError: type[Exception] = RuntimeError
    """What is raised where a request is refused."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.prompts = answers, list[str]()

    def ask(self, prompt: str, *, model: str, max_tokens: int, temperature: float, seed: int) -> str:
        """The answer for this seed; an error where there is none."""
        self.prompts.append(prompt)
        if "too long" in prompt or seed >= len(self.answers):
            raise self.LlmError("the prompt is too long")
        return self.answers[seed]

    def score(self, items: Sequence[dict[str, Any]], outputs: Sequence[str]) -> list[dict[str, Any]]:
        """The verdicts of the task's scorer."""
        scores = SCORER.score([{"id": "1", **i} for i in items], outputs)
        return [{"error": s.error, "parsed": s.parsed} for s in scores]


class Answers(Pool):
    """A model that has other answers to each prompt, one a seed."""

    def __init__(self, answers: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self.by_prompt = answers

    def ask(self, prompt: str, *, model: str, max_tokens: int, temperature: float, seed: int) -> str:
        """The answer to this prompt for this seed; an error where there is none."""
        answers = self.by_prompt[prompt]
        if seed >= len(answers):
            raise self.LlmError("no budget is left")
        return answers[seed]


def row(question: str = "5 + 2?", gold: str = "7") -> dict[str, Any]:
    return {"prompt": question, "completion": SHORT, "subtask": "", "item": {"question": question, "answer": gold}}


def labelled(question: str, answer: int) -> dict[str, Any]:
    """A row whose completion is this answer, which is also the right one by its item."""
    return {**row(question, gold=str(answer)), "completion": f"\\boxed{{{answer}}}"}


def draw(
    pool: Pool, *rows: dict[str, Any], pairs: str = "none", **sample: Any
) -> tuple[list[dict[str, Any]], Any, Any]:
    source = {"path": "a.jsonl", "prompt": "{{ q }}", "completion": "{{ a }}"}
    made = Recipe.model_validate({"sources": [source], "sample": {"samples": 3, **sample}, "pairs": pairs})
    skipped = Counter[str]()
    found, count = sampling.apply(rows or [row()], made.model_dump(), 10, pool, skipped)
    return found, count, dict(skipped)


@pytest.mark.parametrize(
    ("sample", "kept"),
    [
        ({}, [LONG]),
        ({"prefer": "shortest"}, [SHORT]),
        ({"keep": 2}, [LONG, SHORT]),
        ({"keep": 2, "samples": 2}, [LONG]),
        ({"keep": 0}, [SHORT]),
    ],
)
def test_right_samples_become_completions(sample: dict[str, Any], kept: list[str]) -> None:
    rows, count, _ = draw(Pool(WRONG, LONG, SHORT), **sample)
    assert [r["completion"] for r in rows] == kept
    right = 1 if sample.get("samples") == 2 else 2
    assert rows[0]["sampled"] == {
        "model": "self", "samples": right + 1, "right": right, "kept": sample.get("keep") != 0
    }  # fmt: skip
    assert (count["rows"], count["right"], count["solved"]) == (1, right, 1)
    assert count["kept"] == (0 if sample.get("keep") == 0 else len(kept))
    del rows[0]["item"]
    assert parse_row(rows[0]).completion == kept[0], "the program and the reader have one name for the key"


def test_a_row_without_a_right_sample_keeps_its_answer_or_is_left_out() -> None:
    rows, count, _ = draw(Pool(WRONG, WRONG, WRONG))
    assert [(r["completion"], r["sampled"]["kept"]) for r in rows] == [(SHORT, False)]
    assert (count["samples"], count["right"], count["solved"], count["kept"]) == (3, 0, 0, 0)
    assert draw(Pool(WRONG, WRONG, WRONG), otherwise="drop") == (
        [], count, {"got no right sample": 1}
    )  # fmt: skip


def test_a_wrong_sample_is_the_rejected_answer() -> None:
    rows, _, skipped = draw(Pool(LONG, WRONG, SHORT), row(), row("9 - 2?"), pairs="sample", keep=0)
    assert [(r["completion"], r["rejected"]) for r in rows] == [(SHORT, WRONG)] * 2
    assert skipped == {}
    assert draw(Pool(LONG, SHORT, SHORT), pairs="sample")[::2] == ([], {"got no wrong sample": 1})


def test_an_empty_sample_is_wrong_and_is_no_rejected_answer() -> None:
    _, count, _ = draw(Pool(" ", LONG, ""))
    assert (count["rows"], count["samples"], count["right"]) == (1, 3, 1)
    assert draw(Pool(LONG, " ", WRONG), pairs="sample")[0][0]["rejected"] == WRONG
    assert draw(Pool(" ", LONG, ""), pairs="sample")[::2] == ([], {"got no wrong sample": 1})


def test_rows_that_cannot_be_judged_or_asked_keep_their_answers() -> None:
    pool = Pool(LONG, LONG, LONG)
    rows, count, _ = draw(pool, row(), row("too long"), row("2 + 2?", gold="4"), ask="Reason first.")
    assert [r["completion"] for r in rows] == [LONG, SHORT, SHORT], "the answer of the third is not that of its item"
    assert [r["sampled"]["samples"] for r in rows] == [3, 0, 0]
    assert (count["rows"], count["samples"]) == (1, 3)
    assert "5 + 2?\nReason first." in pool.prompts
    assert not [prompt for prompt in pool.prompts if "2 + 2?" in prompt], "what cannot be judged is not paid for"


def test_a_completion_that_is_too_long_is_not_kept() -> None:
    source = {"path": "a.jsonl", "prompt": "{{ q }}", "completion": "{{ a }}"}
    made = Recipe.model_validate({"sources": [source], "sample": {"samples": 3}, "max_completion_chars": 10})
    rows, _ = sampling.apply([row()], made.model_dump(), 10, Pool(LONG, WRONG, SHORT), Counter())
    assert [r["completion"] for r in rows] == [SHORT]


def test_a_recipe_that_can_sample_nothing_ends_with_the_reason() -> None:
    with pytest.raises(SystemExit, match=r"none of 1 rendered completions right .wrong.*'item' of the source"):
        draw(Pool(LONG), row(gold="4"))
    with pytest.raises(SystemExit, match="the model 'self' answers nothing: the prompt is too long"):
        draw(Pool())


KNOWN = {"a": [SHORT, LONG, SHORT], "b": [SHORT] * 3, "c": [WRONG] * 3, "d": [SHORT, WRONG, SHORT]}
"""Answers to four rows that are labelled 7: two are mastered, one is contradicted, one is neither."""


@pytest.mark.parametrize(
    ("sample", "left"),
    [
        ({}, "abcd"),
        ({"contradicted": "drop"}, "abd"),
        ({"mastered": "drop"}, "cd"),
        ({"mastered": "drop", "contradicted": "drop"}, "d"),
    ],
)
@pytest.mark.parametrize("keep", [0, 1])
def test_rows_that_a_model_has_mastered_or_contradicts_can_be_left_out(
    sample: dict[str, Any], left: str, keep: int
) -> None:
    rows, count, skipped = draw(Answers(KNOWN), *(labelled(name, 7) for name in KNOWN), keep=keep, **sample)
    assert "".join(r["prompt"] for r in rows) == left
    assert (count["rows"], count["mastered"], count["contradicted"]) == (4, 2, 1)
    assert count["dropped"] == 4 - len(left) == sum(skipped.values())
    reasons = {"mastered": "got right samples only", "contradicted": "got the same wrong answer in all samples"}
    assert skipped.keys() == {reasons[key] for key in sample}


@pytest.mark.parametrize(
    ("answers", "sample"),
    [
        ([WRONG, WRONG, "\\boxed{9}"], {}),
        ([WRONG, WRONG, f"So {WRONG}"], {}),
        (["eight"] * 3, {}),
        ([""] * 3, {}),
        ([WRONG] * 2, {}),
        ([WRONG], {"samples": 1}),
        ([WRONG] * 3, {"temperature": 0}),
    ],
    ids=["two answers", "two texts", "no answer", "empty", "one sample is missing", "one sample", "no temperature"],
)
def test_only_samples_that_all_give_one_wrong_answer_contradict_a_row(
    answers: list[str], sample: dict[str, Any]
) -> None:
    known = {**KNOWN, "c": answers}
    _, count, _ = draw(Answers(known), *(labelled(name, 7) for name in known), **sample)
    assert count["contradicted"] == 0


def test_a_row_of_which_a_sample_is_missing_is_not_mastered() -> None:
    rows, count, _ = draw(Answers({"a": [SHORT] * 2}), labelled("a", 7), mastered="drop")
    assert (len(rows), count["mastered"], count["samples"]) == (1, 0, 2)


def test_a_model_does_not_remove_the_rows_of_an_answer_that_it_does_not_know() -> None:
    """It always answers 7, so it contradicts each 8; it has not mastered more 5s than it contradicts; and it knows 7 in
    one sub-task alone."""
    rows = [labelled(f"{answer}{i}", answer) for answer in (7, 8) for i in range(3)]
    rows += [labelled(f"5{i}", 5) for i in range(2)]
    other = [{**labelled(f"other {i}", 7), "subtask": "other"} for i in range(2)]
    says = {r["prompt"]: [SHORT] * 3 for r in rows} | {r["prompt"]: [WRONG] * 3 for r in other}
    says["50"] = ["\\boxed{5}"] * 3
    found, count, _ = draw(Answers(says), *rows, *other, contradicted="drop", keep=0)
    assert (len(found), count["contradicted"], count["mastered"]) == (10, 0, 4)
    says["51"] = ["\\boxed{5}"] * 3
    more = [labelled("52", 5)]
    found, count, _ = draw(Answers({**says, "52": [SHORT] * 3}), *rows, *other, *more, contradicted="drop", keep=0)
    assert "52" not in [r["prompt"] for r in found]
    assert count["contradicted"] == 1


@given(st.lists(st.tuples(st.integers(1, 3), st.lists(st.integers(1, 3), min_size=1, max_size=3)), max_size=10))
def test_what_is_dropped_is_counted_and_no_answer_is_lost_by_contradiction(made: list[tuple[int, list[int]]]) -> None:
    rows = [labelled(str(i), answer) for i, (answer, _) in enumerate(made)] or [labelled("0", 1)]
    said = {str(i): [f"\\boxed{{{n}}}" for n in answers] for i, (_, answers) in enumerate(made or [(1, [1])])}
    every, before, _ = draw(Answers(said), *rows, keep=0)
    for sample in ({"mastered": "drop"}, {"contradicted": "drop"}):
        found, count, skipped = draw(Answers(said), *rows, keep=0, **sample)
        (name,) = sample
        assert count == {**before, "dropped": count["dropped"]}
        assert len(found) == len(every) - count["dropped"]
        assert count["dropped"] == count[name] == sum(skipped.values())
        if name == "contradicted":
            often = Counter(r["completion"] for r in every)
            assert {r["completion"] for r in found} >= {text for text, n in often.items() if n > 1}


@pytest.mark.parametrize(
    "sample",
    [
        {"mastered": "drop"},
        {"contradicted": "drop"},
        {"contradicted": "drop", "samples": 1},
        {"contradicted": "drop", "samples": 4, "temperature": 0},
    ],
)
def test_rows_are_dropped_only_where_samples_can_tell(sample: dict[str, Any]) -> None:
    source = {"path": "a.jsonl", "prompt": "{{ q }}", "completion": "{{ a }}"}
    with pytest.raises(ValidationError, match="drop' needs samples"):
        Recipe.model_validate({"sources": [source], "sample": sample})
