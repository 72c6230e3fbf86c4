"""The scorer of molecule understanding: the reference's extraction and metrics on known outputs."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.errors import InputError
from ftdojo.tasks import registry
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks.chemistry.mol_und import KEYS, find_answer

TASK = registry.get("chemistry/mol_und")
GOLDS = {
    "fg_count": "2",
    "ring_count": "1",
    "Murcko_scaffold": "c1ccccc1",
    "ring_system_scaffold": "Yes",
    "equivalence": "No",
}


def score(subtask: str, output: str, gold: str | None = None) -> ItemScore:
    item = {"id": "x", "subtask": subtask, "gt": gold or GOLDS[subtask]}
    (verdict,) = TASK.scorer.score([item], [output])
    return verdict


@pytest.mark.parametrize(
    ("subtask", "output", "expected"),
    [
        ("fg_count", '{"count": "2"}', "2"),
        ("fg_count", '{"answer": 3, "count": " 2 "}', "2"),
        ("fg_count", '{"answer": 2}', "2"),
        ("fg_count", '{"output":"2"}', "2"),
        ("fg_count", '{"count": "2.0"}', "2.0"),
        ("fg_count", '{"count": null}', '{"count": null}'),
        ("fg_count", '{"count": null, "answer": 3}', "3"),
        ("fg_count", '{"count": " ", "answer": 3}', "3"),
        ("fg_count", '{"count": [2]}', "2"),
        ("fg_count", "CF3 in c1ccccc1, so 2", "2"),  # neither the 3 of a group nor a ring digit
        ("fg_count", "Cc1ccccc1", "Cc1ccccc1"),
        ("fg_count", "```\n4\n```\n10 atoms", "4"),
        ("fg_count", '10 atoms, so {"count": "2"} is it', "2"),
        ("fg_count", '10 atoms, "answer" : 2', "2"),
        ("fg_count", "there are 10 or 2", "10"),
        ("fg_count", '<think>{"count": "1"}</think>{"count": "2"}', "2"),
        ("fg_count", '```\n{"count": "1"}\n```\n```json\n{"count": "2"}\n```', "2"),
        ("fg_count", "none", "none"),
        ("equivalence", '{"output": "NO"}', "NO"),
        ("equivalence", '{"molecule": 1, "answer": "no"}', "no"),
        ("equivalence", 'so "output": No', "No"),
        ("equivalence", "no, that is to say: yes", "yes"),
        ("equivalence", "No, not the same", "No"),
        ("equivalence", "eyes, nose", "eyes, nose"),
        ("equivalence", '{"output": "Yes, equal"}', "Yes, equal"),
        ("Murcko_scaffold", '{"Output Scaffold": "C1CC1"}', "C1CC1"),
        ("Murcko_scaffold", 'It is "output scaffold": "C1CC1".', "C1CC1"),
        ("Murcko_scaffold", " C1CC1\n", "C1CC1"),
        ("Murcko_scaffold", "The scaffold:\n```\nC1CC1\n```\nas asked", "C1CC1"),
        ("Murcko_scaffold", "```smiles\nC1CC1\n```", "C1CC1"),
        ("Murcko_scaffold", '```\nnothing\n```\n{"Output Scaffold": "C1CC1"}', "C1CC1"),
    ],
)
def test_where_an_answer_is_found(subtask: str, output: str, expected: str) -> None:
    assert find_answer(subtask, output).text == expected


@pytest.mark.parametrize(
    ("subtask", "output", "right", "parsed", "error"),
    [
        ("fg_count", '{"count": "2"}', 1, True, None),
        ("fg_count", '{"count": "٢"}', 1, True, None),
        ("fg_count", '{"count": "2.0"}', 0, False, "format"),
        ("fg_count", '{"count": "3"}', 0, True, "wrong"),
        ("fg_count", "none", 0, False, "format"),
        ("fg_count", "<think>2</think>", 0, False, "empty"),
        ("equivalence", "no", 1, True, None),
        ("equivalence", '{"output": "maybe"}', 0, False, "format"),
        ("ring_system_scaffold", '{"output": "No"}', 0, True, "wrong"),
        ("Murcko_scaffold", '{"Output Scaffold": "C1=CC=CC=C1"}', 1, True, None),
        ("Murcko_scaffold", "c1ccccc1", 1, True, None),
        ("Murcko_scaffold", "c1ccccc1\tbenzene", 1, True, None),
        ("Murcko_scaffold", "c1ccccc1\nThis is benzène.", 1, True, None),
        ("Murcko_scaffold", '{"Output Scaffold": "Cc1ccccc1"}', 0, True, "wrong"),
        ("Murcko_scaffold", '{"Output Scaffold": "c1cccc1"}', 0, False, "invalid"),
        ("Murcko_scaffold", '{"Output Scaffold": ""}', 0, False, "format"),
        ("Murcko_scaffold", "a benzene ring", 0, False, "format"),
    ],
)
def test_known_verdicts(subtask: str, output: str, right: int, parsed: bool, error: str | None) -> None:
    verdict = score(subtask, output)
    assert (verdict.score, verdict.parsed, verdict.error) == (right, parsed, error)


@pytest.mark.parametrize(
    ("output", "error"), [("5", 3.0), ('{"count": "2"}', 0.0), ("2.0 apples", 0.0), ("none", 2.0), ("", 2.0)]
)
def test_a_count_that_is_no_integer_costs_the_gold_count(output: str, error: float) -> None:
    assert score("fg_count", output).metrics == {"absolute_error": error}


def test_tanimoto_has_the_bits_of_the_reference() -> None:
    from rdkit import Chem, DataStructs, rdBase
    from rdkit.Chem import AllChem

    given, gold = "Cc1ccc2[nH]ccc2c1", "c1ccc2[nH]ccc2c1"
    with rdBase.BlockLogs():
        fingerprint = AllChem.GetMorganFingerprintAsBitVect  # type: ignore[attr-defined]  # not in its stubs
        bits = [fingerprint(Chem.MolFromSmiles(s), 2, nBits=1024) for s in (given, gold)]
    expected = DataStructs.TanimotoSimilarity(*bits)
    assert 0 < expected < 1
    assert score("Murcko_scaffold", given, gold).metrics == {"tanimoto": expected}
    assert score("Murcko_scaffold", "no molecule", gold).metrics == {"tanimoto": 0.0}


def test_metrics_of_the_paper() -> None:
    outputs = {
        "fg_count": ["4", "2"],
        "ring_count": ["1", "none"],
        "Murcko_scaffold": ["c1ccccc1", "?"],
        "ring_system_scaffold": ["yes", "yes"],
        "equivalence": ["yes", "no"],
    }
    items = [{"id": f"{s}{i}", "subtask": s, "gt": GOLDS[s]} for s in KEYS for i in range(2)]
    scores = TASK.scorer.score(items, [outputs[s][i] for s in KEYS for i in range(2)])
    assert TASK.scorer.value(scores) == pytest.approx(60.0)
    assert TASK.scorer.metrics(scores) == {
        "fg_count.mae": 1.0,
        "ring_count.mae": 0.5,
        "mae": 0.75,
        "tanimoto": 0.5,
        "yes_no_accuracy": 75.0,
        "parsed": 80.0,
    }


def test_a_subtask_without_items_is_left_out() -> None:
    scores = TASK.scorer.score([{"id": "x", "subtask": "ring_count", "gt": "1"}], ["2"])
    assert TASK.scorer.metrics(scores) == {"ring_count.mae": 1.0, "mae": 1.0, "parsed": 100.0}


@pytest.mark.parametrize("item", [{"subtask": "other", "gt": "1"}, {}])
def test_an_item_of_another_task_is_an_error_and_never_a_zero(item: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="item x"):
        TASK.scorer.score([{"id": "x", **item}], ["1"])


def test_items_whose_gold_answer_cannot_be_read_are_wrong_and_counted() -> None:
    golds = [("fg_count", "two"), ("fg_count", 2), ("Murcko_scaffold", "c1cc"), ("Murcko_scaffold", None)]
    items = [{"id": str(i), "subtask": subtask, "gt": gold} for i, (subtask, gold) in enumerate(golds)]
    scores = TASK.scorer.score(items, ["2"] * 4)
    assert [s.error for s in scores] == ["bad_gold", None, "bad_gold", "bad_gold"]
    metrics = TASK.scorer.metrics(scores)
    assert (metrics["unreadable_gold"], metrics["fg_count.mae"]) == (3.0, 0.0)
    assert TASK.scorer.value(scores) == 25.0


@pytest.mark.parametrize("subtask", KEYS)
def test_hostile_outputs_are_scored_within_a_second(subtask: str, hostile: str) -> None:
    start = time.process_time()
    verdict = score(subtask, hostile)
    assert verdict.score in (0.0, 1.0)
    assert all(abs(value) < 1e10 for value in verdict.metrics.values())
    assert time.process_time() - start < 1.0


@pytest.mark.parametrize("subtask", KEYS)
@given(output=st.text() | st.text(alphabet="CNOc1234()=[]#.@+-\\/ ", max_size=40))
def test_any_text_is_scored(subtask: str, output: str) -> None:
    verdict = score(subtask, output)
    assert (verdict.error is None) == (verdict.score == 1.0)


def test_rdkit_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    score("Murcko_scaffold", "c1cccc1")
    assert capfd.readouterr() == ("", "")
