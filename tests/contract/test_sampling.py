"""What becomes of a model's samples of rows: which are kept, which are rejected, what is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

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
        return [{"error": s.error} for s in SCORER.score([{"id": "1", **i} for i in items], outputs)]


def row(question: str = "5 + 2?", gold: str = "7") -> dict[str, Any]:
    return {"prompt": question, "completion": SHORT, "subtask": "", "item": {"question": question, "answer": gold}}


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
