"""Paired comparison: what is read from which file, known differences and p-values, and what cannot be compared."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ftdojo.audit import comparison, scored_items
from ftdojo.contract.result import TRIVIAL_NAMES
from ftdojo.errors import InputError, UsageError
from ftdojo.tasks.folder import load_folder
from ftdojo.tasks.rows import read_jsonl, write_jsonl
from ftdojo.tasks.scoring import score

FINISHED = Path(__file__).parents[1] / "fixtures/1e8ec7a/finished"


def lm_eval(path: Path, scores: list[float], **changes: Any) -> str:
    rows = [
        {"doc_id": i, "target": "yes" if i % 2 else "no", "filter": "none", "metrics": ["acc"], "acc": value, **changes}
        for i, value in enumerate(scores)
    ]
    write_jsonl(path, rows)
    return str(path)


def inspect(path: Path, values: list[Any]) -> str:
    samples = [
        {"id": i, "epoch": 1, "target": "x", "scores": {"match": {"value": value, "answer": "x"}}}
        for i, value in enumerate(values)
    ]
    if path.suffix == ".json":
        path.write_text(json.dumps({"version": 2, "eval": {"task": "t"}, "samples": samples}))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("header.json", "{}")
            for i, sample in enumerate(samples):
                archive.writestr(f"samples/{i}_epoch_1.json", json.dumps(sample))
    return str(path)


def compared(*given: str, margin: float = 0.0, **options: Any) -> comparison.Comparison:
    return comparison.compare([scored_items.read(one, **options) for one in given], margin=margin)


def test_a_run_is_better_than_its_base_model() -> None:
    found = compared(f"{FINISHED}@base", str(FINISHED))
    (best,) = found.others
    result = json.loads((FINISHED / "result.json").read_text())
    assert found.score.value == pytest.approx(result["baseline"]["test"]["value"])
    assert best.score.value == pytest.approx(result["best"]["test"]["value"])
    assert (best.verdict, best.test) == ("better", "mcnemar")
    assert best.won + best.lost == len(best.flips)


def test_what_needs_no_training_stands_beside_the_scores_of_runs(finished_run: Path) -> None:
    run = finished_run / "run"
    found = compared(f"{run}@base", str(run))
    trivial = json.loads((run / "result.json").read_text())["trivial"]
    for one in found.untrained:
        key = next(key for key, name in TRIVIAL_NAMES.items() if name == one.name)
        recorded = (trivial[key]["value"], *trivial[key]["interval"])
        assert (one.score.value, *one.score.interval) == pytest.approx(recorded)
    names = [one.name for one in found.untrained]
    assert {"constant", "few-shot"} <= set(names)
    assert len(names) == len(set(names)), "each once, although both systems are of one run"
    assert compared(f"{FINISHED}@base", str(FINISHED)).untrained == [], "older builds did not record them"


def test_files_of_scores_and_predictions_compare_as_the_task_scores_them(approve: Path, tmp_path: Path) -> None:
    task, rows = load_folder(approve), read_jsonl(approve / "eval.jsonl")
    items = [{**row, "id": str(i)} for i, row in enumerate(rows)]
    outputs = {"right": [row["verdict"] for row in rows], "yes": ["yes"] * len(rows)}
    report = score(task, items, outputs["yes"])
    (tmp_path / "yes.json").write_text(report.model_dump_json())
    predicted = [{"id": item["id"], "output": out} for item, out in zip(items, outputs["right"], strict=True)]
    write_jsonl(tmp_path / "right.jsonl", predicted)
    found = compared(str(tmp_path / "yes.json"), f"good={tmp_path / 'right.jsonl'}", task=task, items=items)
    (good,) = found.others
    assert (good.name, good.score.value, good.lost) == ("good", 100.0, 0)
    assert found.score.value == pytest.approx(report.value)
    assert good.won == sum(row["verdict"] != "yes" for row in rows)


def test_logs_of_other_harnesses(tmp_path: Path) -> None:
    a, b = [1.0] * 6 + [0.0] * 6, [1.0] * 10 + [0.0] * 2
    found = compared(lm_eval(tmp_path / "a.jsonl", a), lm_eval(tmp_path / "b.jsonl", b))
    assert (found.metric, found.score.value) == ("acc", 50.0)
    assert found.others[0].score.value == pytest.approx(1000 / 12)
    assert (found.others[0].won, found.others[0].lost) == (4, 0)
    assert found.others[0].p_value == pytest.approx(0.125)
    groups = found.others[0].groups
    assert {group.name for group in groups} == {"yes", "no"}
    for value in (value for group in groups for value in (group.first, group.other)):
        assert value.interval[0] < value.interval[1]
        assert value.interval[0] <= value.value <= value.interval[1]
        assert value.n == 6
    logs = [inspect(tmp_path / name, ["C" if v else "I" for v in s]) for name, s in (("a.json", a), ("b.eval", b))]
    assert compared(*logs).others[0].difference == found.others[0].difference
    partly = inspect(tmp_path / "p.json", ["P"] * 12)
    assert compared(logs[0], partly).others[0].test == "permutation"


def test_scores_beyond_one_keep_their_unit(tmp_path: Path) -> None:
    a, b = (lm_eval(tmp_path / f"{n}.jsonl", s) for n, s in (("a", [10.0, 40.0, 30.0]), ("b", [0.5, 0.2, 0.3])))
    found = compared(a, b, higher_is_better=False)
    assert found.score.value == pytest.approx(80 / 3)
    assert (found.others[0].won, found.others[0].lost) == (3, 0)


def test_equal_systems_are_not_shown_to_differ(tmp_path: Path) -> None:
    a = lm_eval(tmp_path / "a.jsonl", [1.0, 0.0] * 20)
    found = compared(f"x={a}", f"y={a}", margin=20.0)
    (other,) = found.others
    assert (other.verdict, other.p_value, other.flips) == ("not shown", 1.0, [])
    assert other.within_margin
    assert not compared(f"x={a}", f"y={a}").others[0].within_margin  # equal is not shown to be better


def test_only_items_of_all_are_compared(tmp_path: Path) -> None:
    a, b = (lm_eval(tmp_path / f"{n}.jsonl", [1.0] * k) for n, k in (("a", 5), ("b", 3)))
    found = compared(a, b)
    assert (found.n, found.left_out) == (3, {"a": 2, "b": 0})


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("", UsageError, "none of the files"),
        ('{"a": 1}', UsageError, "none of the files"),
        ('{"id": "a", "output": "x"}', UsageError, "--task and --items"),
        ('{"doc_id": 1, "metrics": ["acc"], "acc": "high"}', InputError, "not a number"),
        ('{"doc_id": 1, "metrics": ["acc"], "acc": NaN}', InputError, "not a number"),
        ('{"doc_id": 1, "metrics": []}', UsageError, "has no metric"),
        ('{"samples": [{"epoch": 1}]}', InputError, "without an id"),
        ('{"samples": [{"id": 1, "scores": {"m": {"value": "D"}}}]}', InputError, "not a number"),
        ('{"samples": [{"id": 1, "scores": []}]}', UsageError, "has no scores"),
        ('{"task": "a/b", "metric": "m", "items": 3}', InputError, "value"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, content: str, error: type[Exception], message: str) -> None:
    (tmp_path / "f.jsonl").write_text(content)
    with pytest.raises(error, match=message):
        scored_items.read(str(tmp_path / "f.jsonl"))


def test_what_cannot_be_compared(tmp_path: Path) -> None:
    a = lm_eval(tmp_path / "a.jsonl", [1.0, 0.0])
    with pytest.raises(UsageError, match="was scored by"):
        compared(a, inspect(tmp_path / "b.json", ["C", "I"]))
    other = lm_eval(tmp_path / "c.jsonl", [1.0, 0.0], doc_id="x")
    with pytest.raises(UsageError, match="no item was answered by all"):
        compared(a, other)
    with pytest.raises(UsageError, match="no file or finished run"):
        scored_items.read(str(tmp_path / "nothing"))
