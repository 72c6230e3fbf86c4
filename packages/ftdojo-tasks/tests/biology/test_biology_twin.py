"""The generated protocols: gold recomputed from the grammar, disjoint splits, even answers, declared defects."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from graphlib import TopologicalSorter
from itertools import combinations, pairwise, permutations
from pathlib import Path
from typing import Any

import pytest

from ftdojo.data.overlap import OverlapIndex
from ftdojo.tasks.rows import read_jsonl
from ftdojo_tasks.biology import twin
from ftdojo_tasks.biology.protocols import NAMES, SLOT, TYPES, Method, Step, grammar

OPERATIONS, GROUPS = grammar().operations, grammar().groups
GROUP_OF = {slot: name for name, group in GROUPS.items() for slot in group.terms}
SAMPLES, TARGETS = grammar().samples, grammar().targets
TRAINING_METHODS, VALIDATION_METHODS, TEST_METHODS = grammar().methods.values()

Rows = list[dict[str, Any]]

TASKS = ("PQA", "ORD", "ERR", "GEN")
RAW_ROWS = {"PQA": 2000, "ORD": 1600, "ERR": 2000, "GEN": 1500}
METHODS = {"raw": TRAINING_METHODS, "validation": VALIDATION_METHODS, "test": TEST_METHODS}
VALUES = {"sample": [name for names in SAMPLES.values() for name in names], "target": TARGETS}
EVERY_NAME = {name for names in VALUES.values() for name in names}
ANY_NAME = re.compile(rf"\b({'|'.join(EVERY_NAME)})\b")


@pytest.fixture(scope="module")
def folders(twins: Callable[[str], Path]) -> dict[str, Path]:
    return {name: twins(f"biology/{name.lower()}") for name in TASKS}


@pytest.fixture(scope="module")
def rows(folders: dict[str, Path]) -> dict[str, dict[str, Rows]]:
    """Task -> part -> rows."""
    found: dict[str, dict[str, Rows]] = {}
    for name in TASKS:
        raw = json.loads((folders[name] / "raw" / f"{name}.json").read_text("utf-8"))
        items = {part: read_jsonl(folders[name] / f"{part}.jsonl") for part in ("validation", "test")}
        found[name] = {"raw": raw, **items}
    return found


@pytest.fixture(scope="module")
def items(rows: dict[str, dict[str, Rows]]) -> dict[str, Rows]:
    """Task -> items of validation and test."""
    return {name: [*parts["validation"], *parts["test"]] for name, parts in rows.items()}


def texts(value: Any) -> list[str]:
    """All texts of a JSON value."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    return [text for part in value for text in texts(part)] if hasattr(value, "__iter__") else []


def question(name: str, row: dict[str, Any]) -> list[str]:
    """What is asked in a row, without its answer."""
    if name == "PQA":
        return [row["question"], *row["choices"]]
    if name == "ORD":
        return [row["question"], *row["wrong_steps"]]
    if name == "GEN":
        return [row["instruction"], row["input"]]
    return [*texts(row["context"]), row["corrected_text" if row["is_correct"] else "corrupted_text"]]


def words(text: str) -> str:
    return " ".join(text.split())


def captured(form: str, text: str) -> str:
    """The first group of an expression that occurs in a text."""
    match = re.search(form, text)
    assert match, text
    return match[1]


def pattern(text: str, *, gap: str | None = None) -> str:
    """A regular expression for a text of the grammar: any name in a slot for names, the right value in one for a term,
    which is ``gap`` in one of them."""
    found = ""
    for part in re.split(r"(\{\w+\})", text):
        slot = part.strip("{}") if part.startswith("{") else None
        if slot is None:
            found += re.escape(part)
        elif slot in NAMES:
            found += f"(?P={slot})" if f"<{slot}>" in found else f"(?P<{slot}>{'|'.join(VALUES[slot])})"
        elif slot == gap:
            found += "(?P<gap>.+)"
        else:
            found += pattern(GROUPS[GROUP_OF[slot]].terms[slot])
    return found


STEPS = [
    (name, re.compile(pattern(wording))) for name, operation in OPERATIONS.items() for wording in operation.wordings
]
BRIEFS = [
    (name, re.compile(pattern(brief)))
    for name, operation in OPERATIONS.items()
    for brief in {operation.brief, twin.without_articles(operation.brief)}
]
GAPS = [
    (term, re.compile(pattern(wording, gap=term)))
    for operation in OPERATIONS.values()
    for wording in operation.wordings
    for term in SLOT.findall(wording)
    if term not in NAMES
]
EVERY_METHOD = (*TRAINING_METHODS, *VALIDATION_METHODS, *TEST_METHODS)


def operation_of(step: str) -> str:
    """The operation that a full step, a heading or a short step tells."""
    found = {name for name, form in STEPS if form.fullmatch(step)}
    found |= {name for name, form in BRIEFS if form.fullmatch(step)}
    found |= {name for name, operation in OPERATIONS.items() if operation.title.capitalize() == step}
    (name,) = found
    return name


def method_of(title: str) -> Method:
    (method,) = (method for method in EVERY_METHOD if re.fullmatch(pattern(method.title), title))
    return method


# -- the grammar -------------------------------------------------------------------------------------------------------


def test_all_methods_agree_on_the_order_of_operations() -> None:
    before: dict[str, set[str]] = {}
    for method in EVERY_METHOD:
        assert len(set(method.operations)) == len(method.operations) >= twin.LONGEST
        for first, second in pairwise(method.operations):
            before.setdefault(second, set()).add(first)
    assert set(TopologicalSorter(before).static_order()) == set(OPERATIONS)  # raises for a contradiction


def test_new_methods_are_new_chains_of_known_operations() -> None:
    known = {name for method in TRAINING_METHODS for name in method.operations}
    pairs = {pair for method in TRAINING_METHODS for pair in pairwise(method.operations)}
    for method in (*VALIDATION_METHODS, *TEST_METHODS):
        assert set(method.operations) <= known
        assert not set(pairwise(method.operations)) <= pairs


def test_every_step_names_its_sample_and_every_gap_has_choices() -> None:
    for name, operation in OPERATIONS.items():
        assert "{sample}" in operation.brief
        for wording in operation.wordings:
            assert "{sample}" in wording
            step = Step(wording, {"sample": "maize leaf", "target": "actin"})
            assert operation_of(step.text()) == name
            for term in step.terms:
                wrong = set(step.wrong(term))
                assert len(wrong) >= twin.CHOICES - 1
                assert step.right(term) not in wrong | set(step.absurd(term))


def test_absurd_values_are_right_nowhere() -> None:
    for group in GROUPS.values():
        assert not set(group.absurd) & set(group.values)
        assert len(set(group.values)) == len(group.values)


# -- schema and sizes --------------------------------------------------------------------------------------------------

FIELDS = {
    "PQA": {"question", "answer", "choices", "type", "id"},
    "ORD": {"question", "wrong_steps", "correct_steps", "type", "id"},
    "ERR": {"context", "corrupted_text", "corrected_text", "is_correct", "type", "id"},
    "GEN": {"system_prompt", "instruction", "input", "output", "type", "id"},
}


@pytest.mark.parametrize("name", TASKS)
def test_files_sizes_fields_and_ids(name: str, folders: dict[str, Path], rows: dict[str, dict[str, Rows]]) -> None:
    files = {path.relative_to(folders[name]).as_posix() for path in folders[name].rglob("*") if path.is_file()}
    assert files == {f"raw/{name}.json", "validation.jsonl", "test.jsonl"}
    assert {part: len(found) for part, found in rows[name].items()} == {
        "raw": RAW_ROWS[name],
        "validation": 100,
        "test": 100,
    }
    for found in rows[name].values():
        assert all(row.keys() - {"error_description"} == FIELDS[name] for row in found)
        assert len({row["id"] for row in found}) == len(found)
    assert all(re.fullmatch(rf"(VALIDATION|TEST)-{name}-\d{{6}}", row["id"]) for row in rows[name]["test"])


def test_prompts_and_answers_are_short(items: dict[str, Rows]) -> None:
    for name, found in items.items():
        assert all(len("\n".join(question(name, item))) < 550 for item in found)  # 300 tokens with the instruction
    assert all(len("\n".join(item["output"])) < 250 for item in items["GEN"])


# -- gold --------------------------------------------------------------------------------------------------------------


def test_the_answer_is_the_only_choice_that_the_grammar_allows(rows: dict[str, dict[str, Rows]]) -> None:
    for part, row in ((part, row) for part, found in rows["PQA"].items() for row in found):
        text = words(row["question"]).replace("______", "____")
        forms = [(term, form) for term, form in GAPS if form.fullmatch(text)]
        right = set()
        for term, form in forms:
            for choice in row["choices"]:
                found = form.fullmatch(text.replace("____", choice))
                if found and re.fullmatch(pattern(GROUPS[GROUP_OF[term]].terms[term]), choice):
                    right.add(choice)
        assert right == {row["answer"]}
        assert part == "raw" or row["type"] in {GROUPS[GROUP_OF[term]].type for term, _ in forms}
        assert len(set(row["choices"])) == twin.CHOICES


def test_steps_are_sorted_as_in_their_method(rows: dict[str, dict[str, Rows]]) -> None:
    doubled = 0
    for part, found in rows["ORD"].items():
        for row in found:
            steps = [re.sub(r"^1\.\d ", "", step) for step in row["correct_steps"]]
            assert sorted(row["wrong_steps"]) == sorted(row["correct_steps"])
            if len(set(steps)) < len(steps):
                doubled += 1
                assert part == "raw"
                steps.pop()
            title = captured(r"'(.+)'", words(row["question"]))
            places = [method_of(title).operations.index(operation_of(step)) for step in steps]
            assert places == sorted(set(places))
            assert twin.SHORTEST <= len(places) <= twin.LONGEST
    assert 10 <= doubled <= 40


def test_right_steps_are_of_the_grammar_and_wrong_ones_are_not(rows: dict[str, dict[str, Rows]]) -> None:
    for part, found in rows["ERR"].items():
        for row in found:
            method = method_of(row["context"]["purpose"])
            if "error_description" in row and row["is_correct"]:  # the declared wrong verdict
                assert part == "raw"
                assert row["corrected_text"] == row["corrupted_text"]
                continue
            place = method.operations.index(operation_of(words(row["corrected_text"])))
            for step, neighbour in (
                (row["context"]["prior_step"], place - 1),
                (row["context"]["next_step"], place + 1),
            ):
                if step is None:
                    assert neighbour in (-1, len(method.operations))
                else:
                    assert operation_of(re.sub(r"^1\.\d ", "", step)) == method.operations[neighbour]
            assert row["is_correct"] == (row["corrupted_text"] is None) == ("error_description" not in row)
            if not row["is_correct"]:
                assert not any(form.fullmatch(row["corrupted_text"]) for _, form in STEPS)


def test_outputs_are_parts_of_their_method_up_to_the_named_step(rows: dict[str, dict[str, Rows]]) -> None:
    for found in rows["GEN"].values():
        for row in found:
            text = words(row["input"])
            title = captured(r"^(?:For|During|How to start) (.+?),", text)
            steps = [re.sub(r"^(Step )?\d[.):] ", "", step) for step in row["output"]]
            names = [operation_of(step) for step in steps]
            operations = method_of(title).operations
            first = operations.index(names[0])
            assert tuple(names) == operations[first : first + len(names)]
            assert f"{OPERATIONS[names[-1]].title} of" in text
            if text.startswith("During"):
                assert f", {OPERATIONS[operations[first - 1]].title} is done" in text
            elif text.startswith("How to start"):
                assert first == 0
            else:
                assert all(OPERATIONS[name].title in text for name in names)


# -- balance -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["validation", "test"])
def test_no_constant_answer_goes_far(part: str, rows: dict[str, dict[str, Rows]]) -> None:
    pqa = rows["PQA"][part]
    assert Counter(item["choices"].index(item["answer"]) for item in pqa) == dict.fromkeys(range(5), 20)
    assert max(Counter(item["answer"] for item in pqa).values()) <= 10
    assert set(Counter(item["type"] for item in pqa).values()) == {33, 34}
    assert Counter(item["is_correct"] for item in rows["ERR"][part]) == {True: 50, False: 50}
    assert Counter(item["type"] for item in rows["ORD"][part]) == {"child": 60, "top": 40}
    golds = [[item["wrong_steps"].index(step) for step in item["correct_steps"]] for item in rows["ORD"][part]]
    assert {32, 34} == set(Counter(map(len, golds)).values())
    for size in range(twin.SHORTEST, twin.LONGEST + 1):
        for answer in permutations(range(size)):
            pairs = [pair for gold in golds if len(gold) == size for pair in combinations(gold, 2)]
            assert 2 * sum(answer.index(a) < answer.index(b) for a, b in pairs) == len(pairs)


def test_no_order_of_a_validation_item_tells_that_of_the_test_item_of_its_number(
    rows: dict[str, dict[str, Rows]],
) -> None:
    golds = [
        [[item["wrong_steps"].index(step) for step in item["correct_steps"]] for item in rows["ORD"][part]]
        for part in ("validation", "test")
    ]
    assert sum(a == b for a, b in zip(*golds, strict=True)) < 20


def test_half_of_the_items_are_hard(rows: dict[str, dict[str, Rows]]) -> None:
    seen = [re.compile(pattern(wording)) for operation in OPERATIONS.values() for wording in operation.wordings[:2]]
    for part in ("validation", "test"):
        new = [method_of(item["context"]["purpose"]) in METHODS[part] for item in rows["ERR"][part]]
        unseen = [not any(form.fullmatch(item["corrected_text"]) for form in seen) for item in rows["ERR"][part]]
        assert new == unseen
        assert sum(new) == 50
        titles = [captured(r"'(.+)'", item["question"]) for item in rows["ORD"][part]]
        assert sum(method_of(title) in METHODS[part] for title in titles) == 50
    raw = [captured(r"'(.+)'", words(row["question"])) for row in rows["ORD"]["raw"]]
    assert {method_of(title) for title in raw} == set(TRAINING_METHODS)


def test_absurd_and_misplaced_values(items: dict[str, Rows]) -> None:
    wrong = [item for item in items["ERR"] if not item["is_correct"]]
    absurd = {value for group in GROUPS.values() for value in group.absurd}
    given = [item["error_description"].removesuffix(".").split(", not ")[1] for item in wrong]
    assert sum(value in absurd for value in given) == 60
    assert set(Counter(item["type"] for item in wrong)) == set(TYPES)


# -- disjointness ------------------------------------------------------------------------------------------------------


def test_splits_share_no_sample_and_no_target_in_any_task(rows: dict[str, dict[str, Rows]]) -> None:
    found = {
        part: {
            name
            for parts in rows.values()
            for row in parts[part]
            for text in texts(row)
            for name in ANY_NAME.findall(words(text))
        }
        for part in METHODS
    }
    assert all(len(names) > 20 for names in found.values())
    assert found["raw"] | found["validation"] | found["test"] == EVERY_NAME
    assert all(not found[a] & found[b] for a, b in combinations(METHODS, 2))


def test_training_rows_do_not_overlap_with_items_but_leaks_would(
    rows: dict[str, dict[str, Rows]], items: dict[str, Rows]
) -> None:
    raw = [
        [f"{' '.join(question(name, row))}", " ".join(texts(row.get("output") or row.get("correct_steps") or []))]
        for name, parts in rows.items()
        for row in parts["raw"]
    ]
    for name, found in items.items():
        prompts = ["\n".join(question(name, item)) for item in found]
        assert len(set(prompts)) == len(prompts)
        index = OverlapIndex.from_texts(prompts)
        assert all(index.overlaps([prompt]) for prompt in prompts)
        # Protocols are written in a few hundred phrases: of many thousand rows some are nearly an item by chance.
        assert len(index.keep(raw)) > 0.999 * len(raw)


# -- defects and determinism -------------------------------------------------------------------------------------------


def test_raw_rows_have_the_declared_defects_and_items_have_none(
    rows: dict[str, dict[str, Rows]], items: dict[str, Rows]
) -> None:
    for name, parts in rows.items():
        raw, total = parts["raw"], RAW_ROWS[name]
        assert sum(not row["type"] for row in raw) / total == pytest.approx(twin.NO_TYPE, abs=0.01)
        odd = [row["id"] for row in raw if re.fullmatch(rf"{name.lower()}_\d+", row["id"])]
        assert len(odd) / total == pytest.approx(twin.ODD_ID, abs=0.015)
        spaced = [row for row in raw if any(text != words(text) for text in texts(row))]
        assert len(spaced) / total == pytest.approx(twin.WHITE_SPACE, abs=0.015)
        content = [json.dumps({**row, "id": ""}) for row in raw]
        assert len(content) - len(set(content)) == round(twin.REPEATED * total)
        assert all(item["type"] and words(text) == text for item in items[name] for text in texts(item))
    numbered = [row for row in rows["GEN"]["raw"] if not row["output"][0].startswith("1. ")]
    assert len(numbered) / RAW_ROWS["GEN"] == pytest.approx(twin.NUMBERING, abs=0.015)
    told = [row for row in rows["ORD"]["raw"] if row["correct_steps"][0].startswith("1.1 ")]
    assert len(told) / RAW_ROWS["ORD"] == pytest.approx(twin.NUMBERING, abs=0.015)
    verdicts = [row for row in rows["ERR"]["raw"] if row["is_correct"] and row["corrupted_text"]]
    assert len(verdicts) / RAW_ROWS["ERR"] == pytest.approx(twin.WRONG_VERDICT, abs=0.01)
    assert all(step.startswith(f"{i}. ") for item in items["GEN"] for i, step in enumerate(item["output"], start=1))
