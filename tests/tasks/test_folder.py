"""A user's own task folder: every fault is named, the split is stable, renderings match their description."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftdojo.errors import InputError, UsageError
from ftdojo.tasks.check import training_pairs
from ftdojo.tasks.external import CodeRunner
from ftdojo.tasks.folder import load_folder
from ftdojo.tasks.rows import read_jsonl
from ftdojo.tasks.spec import Task

TRAIN = [{"q": f"train {i}", "a": str(i)} for i in range(3)]
EVALUATION = [{"q": f"eval {i}", "a": str(i)} for i in range(9)]


def build(path: Path, folder: Path, **arguments: Any) -> tuple[Task, list[dict[str, Any]], list[dict[str, Any]]]:
    task = load_folder(path, **arguments)
    folder.mkdir()
    task.variants["folder"].build(folder, {})
    return task, read_jsonl(folder / "validation.jsonl"), read_jsonl(folder / "test.jsonl")


def codes(caught: pytest.ExceptionInfo[InputError]) -> list[tuple[str, str]]:
    return [(f.code, f.where) for f in caught.value.findings]


def test_a_folder_becomes_a_task(task_folder: Callable[..., Path], tmp_path: Path) -> None:
    path = task_folder(TRAIN, EVALUATION, max_new_tokens=7)
    task, validation, test = build(path, tmp_path / "data")
    assert (task.spec.id, task.spec.metric, task.spec.max_new_tokens) == ("own/test", "accuracy", 7)
    assert {item["q"] for item in validation + test} == {row["q"] for row in EVALUATION}
    assert (len(validation), len(test)) == (5, 4)
    assert task.prompt(validation[0]) == [{"role": "user", "content": f"Q: {validation[0]['q']}"}]
    assert (tmp_path / "data" / "raw" / "train.jsonl").read_bytes() == (path / "train.jsonl").read_bytes()


def test_the_split_does_not_depend_on_the_order_of_rows(task_folder: Callable[..., Path], tmp_path: Path) -> None:
    _, validation, test = build(task_folder(TRAIN, EVALUATION), tmp_path / "first")
    (tmp_path / "task").rename(tmp_path / "old")
    _, again, again_test = build(task_folder(TRAIN, EVALUATION[::-1]), tmp_path / "second")
    assert (again, again_test) == (validation, test)


def test_each_subtask_is_halved(task_folder: Callable[..., Path], tmp_path: Path) -> None:
    rows = [{**row, "kind": "odd" if i % 2 else "even"} for i, row in enumerate(EVALUATION[:8])]
    task, validation, test = build(task_folder(TRAIN, rows, subtask="kind"), tmp_path / "data")
    assert task.spec.subtasks == ("even", "odd")
    for split in (validation, test):
        assert sorted(item["subtask"] for item in split) == ["even", "even", "odd", "odd"]
    assert {s.subtask for s in task.scorer.score(test, [""] * 4)} == {"even", "odd"}


def test_a_repeated_prompt_counts_once(task_folder: Callable[..., Path], tmp_path: Path) -> None:
    _, validation, test = build(task_folder(TRAIN, EVALUATION + EVALUATION[:4]), tmp_path / "data")
    assert len(validation) + len(test) == 9


def test_own_ids_are_kept(task_folder: Callable[..., Path], tmp_path: Path) -> None:
    rows = [{**row, "id": i} for i, row in enumerate(EVALUATION)]
    _, validation, test = build(task_folder(TRAIN, rows), tmp_path / "data")
    assert {item["id"] for item in validation + test} == {str(i) for i in range(9)}


def test_the_version_follows_the_files(task_folder: Callable[..., Path]) -> None:
    path = task_folder(TRAIN, EVALUATION)
    before = load_folder(path).version
    assert load_folder(path).version == before
    (path / "train.jsonl").write_text('{"q": "other", "a": "1"}\n', "utf-8")
    assert load_folder(path).version != before


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metric": "f1"}, "must be one of: accuracy"),
        ({"scorer": "choice"}, "at least two choices"),
        ({"choices": ["a", "b"]}, "only 'labels' takes any"),
        ({"tolerance": 0.1}, "only scorer 'number'"),
        ({"scorer": "number", "metric": "mae"}, "needs 'worst'"),
        ({"worst": 5.0}, "needs 'worst'"),
        ({"id": "other/test"}, "begin with the domain"),
        ({"prompt": "{{ q "}, "line 1 of the template"),
        ({"promt": "x"}, "did you mean 'prompt'"),
    ],
)
def test_faulty_settings_are_named(task_folder: Callable[..., Path], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_folder(task_folder(TRAIN, EVALUATION, **settings))


def test_faulty_rows_are_named_all_at_once(task_folder: Callable[..., Path]) -> None:
    rows = [
        *EVALUATION,
        {"q": "no answer"},
        {"a": "no question"},
        {"q": "x", "a": "1", "id": 1},
        {"q": "y", "a": "1", "id": 1},
    ]
    with pytest.raises(InputError) as caught:
        load_folder(task_folder(TRAIN, rows))
    assert codes(caught) == [
        ("bad_row", "eval.jsonl: row 10"),
        ("bad_row", "eval.jsonl: row 11"),
        ("double_id", "eval.jsonl: row 13"),
    ]


def test_an_evaluation_row_whose_prompt_or_answer_is_not_a_number_is_refused(task_folder: Callable[..., Path]) -> None:
    rows = [*EVALUATION, {"q": float("nan"), "a": "1"}, {"q": "x", "a": float("-inf")}]
    with pytest.raises(InputError) as caught:
        load_folder(task_folder(TRAIN, rows, prompt="{{ q }}"))
    assert codes(caught) == [("bad_row", "eval.jsonl: row 10"), ("bad_row", "eval.jsonl: row 11")]


def test_gold_answers_have_to_suit_the_scorer(task_folder: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match=r"item .*: the gold answer '(1|text)'"):
        load_folder(task_folder(TRAIN, [{"q": "x", "a": "1"}, {"q": "y", "a": "text"}], scorer="json"))


def test_too_few_items_and_missing_files(task_folder: Callable[..., Path], tmp_path: Path) -> None:
    path = task_folder(TRAIN, EVALUATION[:1])
    with pytest.raises(InputError, match="1 different prompts"):
        load_folder(path)
    (path / "eval.jsonl").unlink()
    with pytest.raises(InputError, match=r"eval\.jsonl: the file does not exist"):
        load_folder(path)
    with pytest.raises(UsageError, match="no folder"):
        load_folder(tmp_path / "nowhere")


def test_json_answers_are_also_rendered_clean(task_folder: Callable[..., Path]) -> None:
    train = [
        {"q": "1", "a": '{"y": 1, "x": "ü"}'},
        {"q": "2", "a": '```json\n{"x": "b",\n "y": 2}\n```'},
        {"q": "3", "a": "free text"},
        {"q": "4", "a": ""},
        {"q": "5", "a": '{"x": "other"}'},
        {"q": "6"},
    ]
    evaluation = [{"q": f"e{i}", "a": {"x": "a", "y": i}} for i in range(4)]
    raw, clean = load_folder(task_folder(train, evaluation, scorer="json")).spec.raw_sources[0].renderings
    assert [p for p, _ in training_pairs(raw, train)] == ["Q: 1", "Q: 2", "Q: 3", "Q: 5"]
    assert list(training_pairs(clean, train)) == [("Q: 1", '{"x": "ü", "y": 1}'), ("Q: 2", '{"x": "b", "y": 2}')]


def test_rules_and_a_scorer_of_ones_own(task_folder: Callable[..., Path], tmp_path: Path, runner: CodeRunner) -> None:
    path = task_folder(TRAIN, EVALUATION, scorer="scorer.py", metric="closeness")
    with pytest.raises(InputError, match=r"scorer\.py: the file does not exist"):
        load_folder(path)
    (path / "scorer.py").write_text("def score(item, output):\n    return float(output == item['a'])\n", "utf-8")
    with (path / "task.toml").open("a", encoding="utf-8") as stream:
        stream.write('\n[rules]\nmax_rows = 10\nmethods = ["lora"]\n')
    task, validation, _ = build(path, tmp_path / "data", runner=runner)
    assert (task.spec.metric, task.spec.rules.max_rows, task.spec.rules.methods) == ("closeness", 10, ("lora",))
    assert task.scorer.value(task.scorer.score(validation, [item["a"] for item in validation])) == 100.0


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet", ".xlsx"])
def test_the_data_files_may_have_any_form(task_folder: Callable[..., Path], tmp_path: Path, suffix: str) -> None:
    import pandas

    path = task_folder(TRAIN, EVALUATION)
    _, validation, test = build(path, tmp_path / "first")
    for name, rows in (("train", TRAIN), ("eval", EVALUATION)):
        (path / f"{name}.jsonl").unlink()
        frame, file = pandas.DataFrame(rows), path / f"{name}{suffix}"
        write = {".csv": frame.to_csv, ".parquet": frame.to_parquet, ".xlsx": frame.to_excel}
        if suffix == ".json":
            frame.to_json(file, orient="records")
        else:
            write[suffix](file, index=False)
    task, again, again_test = build(path, tmp_path / "second")
    asked = [[task.question(item) for item in items] for items in (validation, test, again, again_test)]
    assert asked[2:] == asked[:2]
    assert task.spec.raw_sources[0].path == f"train{suffix}"
    assert (tmp_path / "second" / "raw" / f"train{suffix}").is_file()
    (path / "train.jsonl").write_text("{}")
    with pytest.raises(InputError, match=rf"there are train.*\{suffix}"):
        load_folder(path)


def test_an_answer_that_names_no_field_is_an_error_that_lists_the_fields(task_folder: Callable[..., Path]) -> None:
    with pytest.raises(InputError) as caught:
        load_folder(task_folder(TRAIN, [{**row, "Gold Label": "x"} for row in EVALUATION], answer="gold label"))
    (finding,) = caught.value.findings
    assert finding.code == "unknown_field"
    assert "did you mean 'Gold Label'?" in finding.fix
    assert "'q', 'a', 'Gold Label'" in finding.fix


def test_a_column_whose_name_is_no_word_can_hold_the_answer(task_folder: Callable[..., Path], tmp_path: Path) -> None:
    rows = [{"q": row["q"], "Gold Label": row["a"]} for row in EVALUATION]
    task, validation, _ = build(task_folder(TRAIN, rows, answer="Gold Label"), tmp_path / "data")
    assert [task.scorer.gold(item) for item in validation] == [item["Gold Label"] for item in validation]


def test_a_missing_subtask_is_named(task_folder: Callable[..., Path]) -> None:
    rows = [{**row, "kind": "a" if i else None} for i, row in enumerate(EVALUATION)]
    with pytest.raises(InputError, match="has no 'kind', which names its sub-task"):
        load_folder(task_folder(TRAIN, rows, subtask="kind"))


def test_repeated_prompts_and_other_encodings_are_notes(task_folder: Callable[..., Path]) -> None:
    path = task_folder(TRAIN, [{**row, "id": None} for row in EVALUATION] + EVALUATION[:4])
    (note,) = load_folder(path).notes
    assert (note.code, note.severity) == ("repeated_prompts", "warning")
    assert "4 of 13 rows" in note.message
    with (path / "eval.jsonl").open("ab") as stream:
        stream.write('{"q": "é", "a": "1"}\n'.encode("latin-1"))
    assert [note.code for note in load_folder(path).notes] == ["other_encoding", "repeated_prompts"]


def test_very_many_items_are_a_note(task_folder: Callable[..., Path]) -> None:
    path = task_folder(TRAIN, [{"q": f"e{i}", "a": "1"} for i in range(4001)])
    assert [note.code for note in load_folder(path).notes] == ["many_items"]


@pytest.mark.parametrize(
    ("scorer", "weight", "message"), [("exact", 2.0, "only scorer 'json'"), ("json", -1.0, "0 or")]
)
def test_faulty_weights_are_named(task_folder: Callable[..., Path], scorer: str, weight: float, message: str) -> None:
    folder = task_folder(TRAIN, EVALUATION, scorer=scorer)
    with (folder / "task.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[weights]\na = {weight}\n")
    with pytest.raises(InputError, match=message):
        load_folder(folder)


def test_rows_with_the_same_prompt_have_several_right_answers(task_folder: Callable[..., Path], tmp_path: Path) -> None:
    rows = [{"q": "colour", "a": a} for a in ("red", "blue", "red")] + [{"q": "coin", "a": ["heads", "tails"]}]
    task, validation, test = build(task_folder(TRAIN, rows), tmp_path / "data")
    items = {item["q"]: item for item in (*validation, *test)}
    assert len(items) == 2
    scored = task.scorer.score([items["colour"]] * 3 + [items["coin"]] * 2, ["red", "blue", "green", "tails", "heads"])
    assert [score.score for score in scored] == [1.0, 1.0, 0.0, 1.0, 1.0]
    assert [task.scorer.gold(items[name]) for name in ("colour", "coin")] == ["red", "heads"]


def test_training_rows_with_several_right_answers_teach_the_first(task_folder: Callable[..., Path]) -> None:
    train: list[dict[str, Any]] = [
        {"q": "coin", "a": ["heads", "tails"]},
        {"q": "year", "a": [2001, 2002]},
        {"q": "colour", "a": "red"},
    ]
    (source,) = load_folder(task_folder(train, EVALUATION)).spec.raw_sources
    pairs = training_pairs(source.renderings[0], train)
    assert [answer for _, answer in pairs] == ["heads", "2001", "red"]


def test_the_metric_mae_is_an_error_and_lower_is_better(task_folder: Callable[..., Path]) -> None:
    rows = [{"q": f"q{i}", "a": i} for i in range(4)]
    task = load_folder(task_folder(rows, rows, scorer="number", metric="mae", worst=10.0))
    assert (task.spec.higher_is_better, task.spec.best_value, task.spec.pooled) == (False, 0.0, True)
    items = [{**row, "id": str(i)} for i, row in enumerate(rows)]
    assert task.scorer.value(task.scorer.score(items, ["1", "1", "x", "3"])) == pytest.approx(11 / 4)
