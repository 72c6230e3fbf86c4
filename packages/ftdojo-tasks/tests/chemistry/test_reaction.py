"""Reactions: the reference's keys and those that the queries ask for; molecules compared by InChI."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.errors import InputError
from ftdojo.tasks import registry
from ftdojo.tasks.check import check
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks.chemistry.reaction import levenshtein
from scoring_fixtures import CpuSeconds

TASK = registry.get("chemistry/reaction")
ESTER = json.dumps({"Major Product": "CC(=O)OCC", "Byproduct(s)": "O"})
GOLDS = {"fs": ESTER, "retro": "CCO.CC(=O)O", "nepp": "C[O-].[Na+]", "rcr": "CCN(CC)CC", "mechsel": "C"}


def score(subtask: str, output: str, gold: str | None = None) -> ItemScore:
    item = {"id": "r", "query": "?", "subtask": subtask, "gt": gold or GOLDS[subtask], "meta": "{}"}
    (verdict,) = TASK.scorer.score([item], [output])
    return verdict


@pytest.mark.parametrize(
    ("subtask", "output", "right"),
    [
        ("fs", '{"Major Product": "CCOC(C)=O", "Byproduct(s)": "O"}', True),
        ("fs", '{"output": "CCOC(C)=O"}', True),
        ("fs", '{"Byproduct(s)": "O"}', False),
        ("retro", '{"Reactants": "CC(=O)O.CCO"}', True),  # the order of pieces does not count
        ("nepp", '{"pred_smi": "[Na+].C[O-]"}', True),  # asked for by the query, unread by the reference
        ("nepp", '{"output": "C[O-].[Na+]"}', True),
        ("nepp", "C[O-].[Na+]", True),
        ("rcr", '{"SMILES": "CCN(CC)CC"}', True),  # the same
        ("rcr", '{"condition": "ccn(cc)cc"}', True),
        ("rcr", '{"output": "CCN(CC)CC"}', False),
        ("rcr", "CCN(CC)CC", True),
        ("rcr", '{"SMILES": "N(CC)(CC)CC"}', False),  # text, not chemistry
        ("mechsel", '{"choice": "C"}', True),
        ("mechsel", '{"choice": "c"}', True),
        ("mechsel", '{"output":"C"}', True),
        ("mechsel", '{"choice": "Option C"}', True),  # the reference takes the O
        ("mechsel", "I pick C", True),  # the reference takes the I
        ("mechsel", '{"choice": "B"}', False),
        ("mechsel", "A mechanism that I like", False),
        ("mechsel", '{"choice": ["C"]}', True),
        ("mechsel", '{"choice": null, "answer": "C"}', True),
        ("retro", "```\nCC(=O)O.CCO\n```", True),
        ("retro", "It is\n```\nCC(=O)O.CCO\n```\nas I think", True),
    ],
)
def test_which_answers_are_right(subtask: str, output: str, right: bool) -> None:
    assert score(subtask, output).score == float(right)


def test_stereochemistry_counts_in_the_match_and_not_in_the_similarities() -> None:
    verdict = score("fs", '{"Major Product": "C[C@H](O)F"}', gold=json.dumps({"Major Product": "C[C@@H](O)F"}))
    assert verdict.score == 0.0
    assert verdict.metrics == {"morgan_sims": 1.0, "maccs_sims": 1.0, "rdk_sims": 1.0, "levenshtein": 0.0}


def test_an_invalid_molecule_has_no_similarity_and_the_largest_distance() -> None:
    verdict = score("retro", '{"Reactants": "C(("}')
    assert (verdict.error, verdict.metrics["morgan_sims"]) == ("invalid", 0.0)
    assert verdict.metrics["levenshtein"] == len("CC(=O)O.CCO")


def test_metrics() -> None:
    golds = [("fs", GOLDS["fs"]), ("nepp", GOLDS["nepp"]), ("mechsel", "C"), ("mechsel", "A")]
    items = [{"id": str(i), "query": "?", "subtask": s, "gt": gold} for i, (s, gold) in enumerate(golds)]
    outputs = ['{"Major Product": "CCOC(C)=O"}', "((", "C", "B"]
    scores = TASK.scorer.score(items, outputs)
    assert TASK.scorer.value(scores) == pytest.approx(50.0)
    metrics = TASK.scorer.metrics(scores)
    assert metrics["fts"] == 50.0
    assert metrics["validity"] == 50.0
    assert metrics["mechsel.accuracy"] == 50.0


@pytest.mark.parametrize(("a", "b", "expected"), [("", "abc", 3), ("kitten", "sitting", 3), ("CCO", "CCO", 0)])
def test_levenshtein(a: str, b: str, expected: int) -> None:
    assert levenshtein(a, b) == levenshtein(b, a) == expected


def test_an_item_of_another_task_is_refused() -> None:
    with pytest.raises(InputError, match="its subtask is 'x'"):
        TASK.scorer.score([{"id": "r", "query": "?", "subtask": "x", "gt": ESTER}], ["CCO"])


def test_items_whose_gold_answer_cannot_be_read_are_wrong_and_counted() -> None:
    golds = [("fs", ""), ("retro", "CCO((CC"), ("mechsel", "?"), ("retro", "CCO")]
    items = [{"id": str(i), "query": "?", "subtask": s, "gt": gold} for i, (s, gold) in enumerate(golds)]
    scores = TASK.scorer.score(items, ["CCO"] * 4)
    assert [s.error for s in scores] == ["bad_gold"] * 3 + [None]
    metrics = TASK.scorer.metrics(scores)
    assert (metrics["unreadable_gold"], metrics["validity"], metrics["fts"]) == (3.0, 100.0, 25.0)
    assert TASK.gold(items[0]) == ""


@pytest.mark.parametrize("subtask", ["fs", "rcr", "mechsel"])
def test_hostile_outputs_are_scored(hostile: str, subtask: str, cpu_seconds: CpuSeconds) -> None:
    assert cpu_seconds(lambda: score(subtask, hostile)) < 2
    assert score(subtask, hostile).score in (0.0, 1.0)


@given(st.sampled_from(sorted(GOLDS)), st.text())
def test_any_text_is_scored(subtask: str, text: str) -> None:
    assert score(subtask, text).score in (0.0, 1.0)


def test_the_twin_proves_itself(twins: Callable[[str], Path]) -> None:
    report = check(TASK.variant("twin")[1], twins("chemistry/reaction"))
    assert report.ok, report.findings
    assert report.items == {"validation": 180, "test": 180}
