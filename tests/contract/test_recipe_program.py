"""The recipe's program: mixture, balance, cleaning, and rows from raw data as flawed as it comes."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ftdojo.contract import recipe_program
from ftdojo.contract.recipe import Recipe
from ftdojo.contract.recipe_program import balanced, from_json, mix, sample, shares
from hostile_text import bounded


def recipe(**changes: Any) -> dict[str, Any]:
    source = {"path": "a.jsonl", "prompt": "{{ q }}", "completion": "{{ a }}"}
    return Recipe.model_validate({"sources": [source], **changes}).model_dump()


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


@given(
    st.lists(st.tuples(st.floats(0.1, 10), st.integers(0, 60)), min_size=1, max_size=6),
    st.integers(0, 150),
)
def test_shares_are_full_bounded_and_proportional(sources: list[tuple[float, int]], total: int) -> None:
    weights, available = [w for w, _ in sources], [n for _, n in sources]
    taken = shares(weights, available, total)
    assert sum(taken) == min(total, sum(available))
    assert all(t <= n for t, n in zip(taken, available, strict=True))
    unbounded = [t / w for t, w, n in zip(taken, weights, available, strict=True) if t < n]
    slack = max(1 / w for w in weights)
    assert not unbounded or max(unbounded) - min(unbounded) <= slack + 1e-6


def test_weights_shape_the_mixture(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path, f"{name}.jsonl", [{"q": f"{name}{i}", "a": "x"} for i in range(100)])
    sources = [
        {"path": f"{n}.jsonl", "subtask": n, "weight": w, "prompt": "{{ q }}", "completion": "{{ a }}"}
        for n, w in [("a", 3), ("b", 1)]
    ]
    rows = mix(recipe(sources=sources, max_rows=40), tmp_path, 2000)
    assert [sum(r["subtask"] == n for r in rows) for n in "ab"] == [30, 10]
    assert mix(recipe(sources=sources, max_rows=40), tmp_path, 2000) == rows, "the same seed gives the same rows"
    assert mix(recipe(sources=sources, max_rows=40, seed=1), tmp_path, 2000) != rows


def test_a_large_file_is_drawn_from_evenly_and_not_kept(tmp_path: Path) -> None:
    kept = sample(({"prompt": str(i)} for i in range(10_000)), 400, random.Random(0))
    places = [int(pair["prompt"]) for pair in kept]
    assert len(set(places)) == 400
    assert all(60 < sum(part <= place < part + 2000 for place in places) < 100 for part in range(0, 10_000, 2000))
    few = [{"prompt": str(i)} for i in range(5)]
    assert sample(iter(few), 5, random.Random(0)) == few
    write(tmp_path, "a.jsonl", [{"q": f"q{i}", "a": "x"} for i in range(1000)])
    assert len(mix(recipe(max_rows=10), tmp_path, 10)) == 10


def test_balance_draws_rare_answers_first() -> None:
    pairs = [{"completion": c} for c in "aaaaaaaabbc"]
    assert [p["completion"] for p in balanced(pairs)[:5]] == ["a", "b", "c", "a", "b"]
    open_answers = [{"completion": str(i)} for i in range(100)]
    assert balanced(open_answers) == open_answers


def test_a_recipe_that_skips_goes_on_where_an_earlier_one_ended_and_begins_again_at_the_end(tmp_path: Path) -> None:
    for name in "ab":
        rows = [{"q": f"{name}{i}", "a": str(i)} for i in range(30)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = {"prompt": "{{ q }}", "completion": "{{ a }}"}
    parts = []
    for skip in (0, 20, 40, 60, 70):
        sources = [{**source, "path": "a.jsonl", "weight": 1}, {**source, "path": "b.jsonl", "weight": 3}]
        recipe = Recipe.model_validate({"sources": sources, "max_rows": 20, "skip": skip}).model_dump()
        parts.append({row["prompt"] for row in mix(recipe, tmp_path, 100)})
    assert [len(part) for part in parts] == [20] * 5
    assert len(parts[0] | parts[1]) == 40
    assert parts[3] == parts[0]
    assert {row for row in parts[4] if row.startswith("b")} & parts[0]


def test_another_answer_of_a_closed_set_is_the_rejected_one(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", [{"q": f"q{i}", "a": "yes" if i % 3 else "no"} for i in range(30)])
    other = {"yes": "no", "no": "yes"}
    rows = mix(recipe(pairs="other_answer"), tmp_path, 2000)
    assert len(rows) == 30
    assert all(row["rejected"] == other[row["completion"]] for row in rows)
    write(tmp_path, "a.jsonl", [{"q": f"q{i}", "a": f"a{i}"} for i in range(30)])
    skipped: Counter[str] = Counter()
    assert mix(recipe(pairs="other_answer"), tmp_path, 2000, skipped) == []
    assert skipped == {"is of a source with an open set of answers": 30}


def test_items_are_fields_of_the_row_or_expressions_over_it(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", [{"q": "how many", "a": "2", "facts": '{"gold": 2}'}])
    source = {"path": "a.jsonl", "subtask": "count", "prompt": "{{ q }}", "completion": "{{ a }}"}
    (plain,) = mix(recipe(sources=[source], sample={"samples": 1}), tmp_path, 9)
    assert plain["item"] == {"subtask": "count", "q": "how many", "a": "2", "facts": '{"gold": 2}'}
    item = {"gt": "(facts | from_json)['gold']", "missing": "none_such"}
    (own,) = mix(recipe(sources=[{**source, "item": item}], sample={"samples": 1}), tmp_path, 9)
    assert own["item"] == {"subtask": "count", "gt": 2, "missing": None}


def test_keys_without_effect_leave_the_identity_of_rows_as_it_was(tmp_path: Path) -> None:
    plain = Recipe.model_validate({"sources": [{"path": "a.jsonl", "prompt": "{{ q }}", "completion": "{{ a }}"}]})
    assert plain.key.keys().isdisjoint({"skip", "sample", "pairs", "items"})
    assert plain.key["sources"][0].keys() == {"path", "subtask", "prompt", "completion", "where", "weight"}
    asks = Recipe.model_validate({**plain.model_dump(), "sample": {"samples": 2}})
    assert asks.key["sample"] == {
        "samples": 2, "model": "self", "temperature": 0.8, "max_tokens": 256, "ask": "", "keep": 1, "prefer": "first",
        "otherwise": "answer",
    }  # fmt: skip
    drops = Recipe.model_validate({**asks.model_dump(), "sample": {"samples": 2, "contradicted": "drop"}})
    assert drops.key["sample"] == {**asks.key["sample"], "contradicted": "drop"}
    assert drops.but_size != asks.but_size
    assert asks.but_size != plain.but_size
    source = {**plain.model_dump()["sources"][0], "item": {"gt": "a"}}
    assert Recipe.model_validate({"sources": [source]}).key == plain.key
    items = Recipe.model_validate({"sources": [source], "items": True})
    assert (items.key["items"], items.key["sources"][0]["item"]) == (True, {"gt": "a"})
    faults: list[tuple[dict[str, Any], str]] = [
        ({"pairs": "sample"}, r"sample\.samples above 0"),
        ({"items": True, "pairs": "other_answer"}, "no place for answers"),
        ({"items": True, "sample": {"samples": 1}}, "no place for answers"),
    ]
    for wrong, message in faults:
        with pytest.raises(ValidationError, match=message):
            Recipe.model_validate({**plain.model_dump(), **wrong})


def test_flawed_rows_are_passed_over(tmp_path: Path) -> None:
    rows = [
        {"q": "1", "a": "x"},
        {"q": "1", "a": "again"},
        {"q": "2", "a": ""},
        {"q": "3", "a": "long" * 9},
        {"a": "x"},
    ]
    write(tmp_path, "a.jsonl", rows)
    with (tmp_path / "a.jsonl").open("a") as stream:
        stream.write("broken\n[1]\n")
    assert [r["prompt"] for r in mix(recipe(max_completion_chars=20), tmp_path, 9)] == ["1"]


def test_where_and_limit(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", [{"q": str(i), "a": "x", "n": i} for i in range(50)])
    source = {"path": "a.jsonl", "prompt": "{{ q }}", "completion": "{{ a }}", "where": "n % 2 == 0"}
    rows = mix(recipe(sources=[source]), tmp_path, 7)
    assert len(rows) == 7
    assert all(int(r["prompt"]) % 2 == 0 for r in rows)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        (json.dumps('```json\n{"a": 1}\n```'), {"a": 1}),
        ("{broken", {}),
        (None, None),
        ({"a": 1}, {"a": 1}),
        ("[" * 100_000, {}),
    ],
)
def test_from_json_unwraps(text: Any, value: Any) -> None:
    assert from_json(text) == value


def test_from_json_takes_linear_time_on_a_fence_without_an_end() -> None:
    with bounded(2.0):
        assert from_json("```" + " " * 100_000) == {}


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv", "parquet"])
def test_every_kind_of_file_as_its_own_process(tmp_path: Path, kind: str) -> None:
    import pandas

    frame = pandas.DataFrame([{"q": "é1", "a": "x"}, {"q": "2", "a": "y"}])
    path = tmp_path / f"a.{kind}"
    if kind == "parquet":
        frame.to_parquet(path)
    elif kind == "csv":
        frame.to_csv(path)
    else:
        frame.to_json(path, orient="records", lines=kind == "jsonl", force_ascii=False)
    rows = run(recipe(sources=[{"path": path.name, "prompt": "{{ q }}", "completion": "{{ a }}"}]), tmp_path)
    assert sorted((r["prompt"], r["completion"]) for r in rows) == [("2", "y"), ("é1", "x")]


def run(settings: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Run a recipe as a process of its own, as in the sandbox; return its rows."""
    (folder / "recipe.json").write_text(json.dumps(settings))
    paths = ["--recipe", str(folder / "recipe.json"), "--input", str(folder)]
    shutil.copytree(Path(recipe_program.__file__).parent, folder / "program" / "recipe_program")
    command = [sys.executable, "-m", "recipe_program", *paths, "--output", str(folder / "out.jsonl"), "--limit", "5"]
    subprocess.run(command, check=True, cwd=folder / "program")
    return [json.loads(line) for line in (folder / "out.jsonl").read_text("utf-8").splitlines()]


def test_rows_for_rewards_are_the_items_of_their_raw_rows(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", [{"q": "how many", "a": "2"}, {"q": "", "a": "3"}])
    write(tmp_path, "b.jsonl", [{"q": "what", "a": "blue"}])
    sources = [
        {"path": "a.jsonl", "prompt": "{{ q }}", "completion": "{{ a }}"},
        {"path": "b.jsonl", "subtask": "b", "prompt": "{{ q }}", "completion": "{{ a }}", "item": {"gt": "a"}},
    ]
    rows = run(recipe(sources=sources, items=True), tmp_path)
    assert sorted(rows, key=len) == [
        {"item": {"q": "how many", "a": "2"}},
        {"item": {"subtask": "b", "gt": "blue"}, "subtask": "b"},
    ]


@pytest.mark.parametrize("template", ["{{ ''.__class__.__mro__ }}", "{{ q.__init__.__globals__ }}"])
def test_templates_cannot_reach_python(tmp_path: Path, template: str) -> None:
    from jinja2.exceptions import SecurityError

    write(tmp_path, "a.jsonl", [{"q": "1", "a": "x"}])
    source = {"path": "a.jsonl", "prompt": template, "completion": "{{ a }}"}
    with pytest.raises(SecurityError):
        mix(recipe(sources=[source]), tmp_path, 5)


@pytest.mark.parametrize(
    "text", ["{{ 9**9**9 }}", "{{ 'x' * 10**11 }}", "{{ 'x' | center(10**11) }}", "{{ 1 if 9**9**9 }}"]
)
def test_nothing_of_a_template_is_computed_where_it_is_checked(text: str) -> None:
    """Only in the sandbox, which has limits. Jinja would do it when it compiles."""
    with bounded(2.0):
        assert Recipe.model_validate(
            {"sources": [{"path": "a", "prompt": text, "completion": text, "where": text[3:-3]}]}
        )


def test_a_condition_that_is_nested_too_deeply_is_told() -> None:
    for depth in (60, 150, 5000):
        where = "[" * depth + "a" + "]" * depth
        with contextlib.suppress(ValidationError):
            Recipe.model_validate({"sources": [{"path": "a", "prompt": "p", "completion": "c", "where": where}]})
