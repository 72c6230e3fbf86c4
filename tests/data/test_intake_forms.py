"""What rows of the forms that people have become: what the answer is, what of a row is asked, what is said about it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from ftdojo.data.intake import Intake, Wishes, make_task
from ftdojo.data.intake.answers import choose_scorer
from ftdojo.errors import UsageError
from ftdojo.tasks import registry
from ftdojo.tasks.folder import load_folder

RNG = random.Random(0)
WORDS = ["".join(RNG.choices("abcdefghij", k=6)) for _ in range(400)]
LABELS = ["art", "food", "sports", "tech"]


def count(texts: list[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def text(number: int) -> str:
    return " ".join(random.Random(number).choices(WORDS, k=8))


def made(folder: Path, rows: list[dict[str, Any]], **wishes: Any) -> Intake:
    path = folder / "x.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return make_task("mine", folder / "mine", str(path), Wishes(**wishes), count)


def sets(number: int) -> list[str]:
    return random.Random(number).sample(LABELS, 1 + number % 3)


@pytest.mark.parametrize(
    ("write", "asked"),
    [(list, "a JSON list of labels out of"), (str, "a list of labels out of"), (", ".join, "separated by commas")],
    ids=["list", "python", "commas"],
)
def test_several_labels_of_a_row_are_a_set_and_not_alternatives(tmp_path: Path, write: Any, asked: str) -> None:
    found = made(tmp_path, [{"headline": text(n), "labels": write(sets(n))} for n in range(120)])
    assert (found.scorer, found.metric) == ("labels", "micro_f1")
    assert set(found.classes) == set(LABELS)
    assert "art, food, sports, tech" in found.prompt
    assert asked in found.prompt
    task = load_folder(tmp_path / "mine")
    item = {"id": "1", "headline": "x", "labels": write(["art", "tech"])}
    both, one = (score.score for score in task.scorer.score([item, item], ["tech, art", "art"]))
    assert both == 1 > one


def test_one_label_in_a_list_is_a_class_and_answers_with_other_words_are_alternatives(tmp_path: Path) -> None:
    found = made(tmp_path, [{"headline": text(n), "label": [LABELS[n % 4]]} for n in range(80)])
    assert (found.scorer, set(found.classes)) == ("choice", set(LABELS))
    load_folder(tmp_path / "mine")
    (tmp_path / "qa").mkdir()
    names = [{"question": text(n), "answers": [f"city {n}", f"the city {n}"]} for n in range(80)]
    assert made(tmp_path / "qa", names).scorer == "exact"


def test_names_and_places_with_a_comma_are_no_sets_of_labels() -> None:
    assert choose_scorer([f"{a}, {b}" for a in WORDS[:9] for b in WORDS[9:18]]).scorer == "exact"
    assert choose_scorer([f"{n},{m}00" for n in range(1, 9) for m in range(1, 9)]).scorer == "number"


def test_answers_in_the_form_of_squad_are_their_texts(tmp_path: Path) -> None:
    rows = [
        {"context": text(n), "question": "When?", "answers": {"text": [f"in {n}", f"{n} AD"], "answer_start": [3, 9]}}
        for n in range(60)
    ]
    found = made(tmp_path, [*rows, {"context": "no", "question": "?", "answers": {"text": [], "answer_start": []}}])
    assert (found.scorer, found.left_out["has no answer"]) == ("exact", 1)
    task = load_folder(tmp_path / "mine")
    item = {"id": "1", **json.loads((tmp_path / "mine/eval.jsonl").read_text("utf-8").splitlines()[0])}
    assert [score.score for score in task.scorer.score([item, item], item["answers"])] == [1, 1]


def test_a_column_that_says_the_answer_is_not_asked(tmp_path: Path) -> None:
    rows = [{"text": text(n), "label": n % 3, "label_text": LABELS[n % 3], "stars": n % 3 + 3 * (n % 2)}
            for n in range(400)]  # fmt: skip
    found = made(tmp_path, rows)
    assert "label_text" not in found.prompt
    assert "stars" in found.prompt
    assert any("'label_text'" in remark and "left out of the prompt" in remark for remark in found.remarks)
    assert any("'stars' alone tells the answer" in remark for remark in found.remarks)
    assert found.answer == "label"
    (tmp_path / "own").mkdir()
    assert made(tmp_path / "own", rows, prompt="{{ text }}").remarks == []


def test_the_rejected_answer_of_a_preference_is_not_asked(tmp_path: Path) -> None:
    rows = [{"prompt": text(n), "chosen": f"yes {n}", "rejected": f"no {n}"} for n in range(60)]
    with pytest.raises(UsageError, match="preferences") as caught:
        made(tmp_path, rows)
    assert "--answer chosen" in (caught.value.fix or "")
    found = made(tmp_path, rows, answer="chosen")
    assert found.prompt == "{{ prompt }}"


def test_an_object_around_the_columns_is_opened(tmp_path: Path) -> None:
    rows = [{"translation": {"de": text(n), "en": text(n + 900)}} for n in range(60)]
    assert made(tmp_path, rows, answer="en").prompt == "{{ de }}"


def chat(number: int, *turns: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text(number)}, *turns]}


def test_turns_in_parts_and_the_role_developer_are_read(tmp_path: Path) -> None:
    def parts(words: str) -> list[dict[str, str]]:
        return [{"type": "text", "text": words}]

    rows = [
        {"messages": [
            {"role": "developer", "content": parts("Be kind.")},
            {"role": "user", "content": parts(text(n))},
            {"role": "assistant", "content": parts(f"{n} it is")},
        ]}
        for n in range(60)
    ]  # fmt: skip
    assert made(tmp_path, rows).left_out == {}
    assert "Be kind." in (tmp_path / "mine/eval.jsonl").read_text("utf-8")


def test_conversations_with_tools_are_named(tmp_path: Path) -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "w", "arguments": "{}"}}]}
    answer = {"role": "assistant", "content": "twelve"}
    rows = [chat(n, call) for n in range(30)] + [
        chat(n, call, {"role": "tool", "content": "12"}, answer) for n in (30, 31)
    ]
    with pytest.raises(UsageError, match="none of the 32 conversations can be asked: 32 call tools") as caught:
        made(tmp_path, rows)
    assert caught.value.fix
    mixed = [*rows, *(chat(n, {"role": "assistant", "content": f"it is {n}"}) for n in range(40, 90))]
    assert made(tmp_path, mixed).left_out == {"is a conversation that calls tools": 32}


def test_a_split_of_conversations_is_kept(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for name, numbers in (("train", range(60)), ("test", range(60, 85))):
        rows = [chat(n, {"role": "assistant", "content": f"{name} {n}"}) for n in numbers]
        (tmp_path / f"set/{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = make_task("mine", tmp_path / "mine", str(tmp_path / "set"), Wishes(), count)
    assert (found.train, found.evaluation) == (60, 25)
    assert "train " not in (tmp_path / "mine/eval.jsonl").read_text("utf-8")


def test_what_makes_a_score_hard_to_read_is_said(tmp_path: Path) -> None:
    rows = [{"text": text(n), "label": "yes" if n % 10 else "no"} for n in range(100)]
    few, unbalanced = made(tmp_path, rows).remarks
    assert few.startswith("20 rows for evaluation make 10 for validation")
    assert "±31 points" in few
    assert "'yes' is right in 90 % of the rows" in unbalanced
    assert "macro_f1" in unbalanced
    enough = [{"text": text(n), "label": LABELS[n % 4]} for n in range(500)]
    (tmp_path / "more").mkdir()
    assert made(tmp_path / "more", enough).remarks == []


def test_sentences_as_answers_are_compared_with_a_warning_and_texts_without_blanks_by_letters() -> None:
    assert "word by word" in choose_scorer([f"this is answer {n} of {n}" for n in range(40)]).warning
    assert choose_scorer([f"city {n}" for n in range(40)]).warning == ""
    assert choose_scorer([f"今天的会议讨论了第{n}个问题并且大家都同意这个结果" for n in range(40)]).scorer == "tokens"


def test_answers_that_end_in_a_marked_number_are_named() -> None:
    assert "'####'" in choose_scorer([f"First {n}, then {n} more.\n#### {2 * n}" for n in range(40)]).warning


def test_a_column_without_a_name_is_shown(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(",text,label\n" + "".join(f"{n},{text(n)},{n % 2}\n" for n in range(40)))
    found = make_task("mine", tmp_path / "mine", str(tmp_path / "x.csv"), Wishes(), count)
    assert "" in found.columns
    assert registry.get(tmp_path / "mine").spec.id == "own/mine"
