"""The generated data of PANORAMA: gold follows from what documents disclose; splits share no product."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftdojo.tasks import registry
from ftdojo.tasks.check import check, training_pairs
from ftdojo.tasks.raw_files import read
from ftdojo.tasks.rows import read_jsonl
from ftdojo.tasks.spec import Task
from ftdojo_tasks.patent.twin import FEATURES, ITEMS, PARTS, PRODUCTS, RAW_ROWS

Built = tuple[str, Task, Path]

NAMES = ("par4pc", "pi4pc", "noc4pc")


@pytest.fixture(scope="module", params=NAMES)
def built(request: pytest.FixtureRequest, twins: Callable[[str], Path]) -> Built:
    name = f"patent/{request.param}"
    return request.param, registry.get(name), twins(name)


def rows_of(folder: Path) -> tuple[list[dict[str, Any]], list[list[dict[str, Any]]]]:
    (path,) = (folder / "raw").rglob("*.parquet")
    return list(read(path)), [read_jsonl(folder / f"{split}.jsonl") for split in ("validation", "test")]


def limitations(text: str) -> set[tuple[str, int]]:
    """The parts with features that a text names, in either wording."""
    return {
        (part, number)
        for part in PARTS
        for number, names in enumerate(FEATURES)
        for name in names
        if f"a {part} {name}" in text
    }


def loads(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def test_the_twin_proves_itself(built: Built) -> None:
    _, task, folder = built
    report = check(task, folder)
    assert report.ok, report.findings
    assert report.items == {"validation": ITEMS, "test": ITEMS}


def test_splits_have_no_product_in_common(built: Built) -> None:
    name, _, folder = built
    raw, splits = rows_of(folder)
    assert len(raw) == RAW_ROWS[name.upper()]
    products = [{loads(row["context"])["title"].lower() for row in rows} for rows in (raw, *splits)]
    assert all(found <= set(PRODUCTS) for found in products)
    assert not products[0] & products[1]
    assert not products[0] & products[2]
    assert not products[1] & products[2]


def test_gold_follows_from_what_is_disclosed(built: Built) -> None:
    name, _, folder = built
    raw, splits = rows_of(folder)
    for row in (*raw, *splits[0], *splits[1]):
        claims = loads(row["context"])["claims"]
        claim = claims[row["claim_number"] - 1]
        wanted = limitations(claim["claim_text"] if isinstance(claim, dict) else claim)
        assert wanted
        if name == "par4pc":
            options = loads(row["options"])
            cited = [letter for letter in sorted(options) if limitations(options[letter]["claims"][0]) & wanted]
            assert cited == row["gold_answers"]
        elif name == "pi4pc":
            options = loads(row["options"])
            assert [int(key) for key in options if limitations(options[key]) & wanted] == row["gold_answers"]
        else:
            arts = [
                limitations(" ".join([*art["claims"], *(p["content"] for p in art["paragraphs"])])) & wanted
                for art in loads(row["prior_art_specifications"])
            ]
            code = "102" if wanted in arts else "103" if set.union(*arts) == wanted else "ALLOW"
            assert loads(row["answer"])["code"] in {code, "REJECT_UNKNOWN"}


def test_labels_are_even_in_evaluation_and_not_in_raw_rows(built: Built) -> None:
    name, _, folder = built
    if name != "noc4pc":
        pytest.skip("codes")
    raw, splits = rows_of(folder)
    for split in splits:
        assert sorted(Counter(loads(row["answer"])["code"] for row in split).values()) == [33, 33, 34]
    counts = Counter(loads(row["answer"])["code"] for row in raw)
    assert counts["ALLOW"] > 1.5 * counts["102"]
    assert counts["REJECT_UNKNOWN"] > 0


def test_training_prompts_are_those_of_the_evaluation(built: Built) -> None:
    _, task, folder = built
    raw, _ = rows_of(folder)
    answer = task.spec.raw_sources[0].renderings[1]
    pairs = list(training_pairs(answer, raw[:50]))
    assert {prompt for prompt, _ in pairs} <= {task.question(row) for row in raw[:50]}
    verdicts = task.scorer.score([{**row, "id": "x"} for row in raw[:1]], [pairs[0][1]])
    assert verdicts[0].error is None


def test_prompts_are_short(built: Built) -> None:
    name, task, folder = built
    _, splits = rows_of(folder)
    longest = {"par4pc": 2600, "pi4pc": 1300, "noc4pc": 1800}
    assert max(len(task.question(row)) for split in splits for row in split) < longest[name]
