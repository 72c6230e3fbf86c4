"""A task folder of somebody's data: files of any form, each ending in a passing check; bad input is one message."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftdojo.data import build_index, find_copies, read_items
from ftdojo.data.intake import Intake, Wishes, make_task
from ftdojo.data.intake.answers import choose_scorer
from ftdojo.data.intake.split import group, split
from ftdojo.errors import PrerequisiteError, UsageError
from ftdojo.tasks import registry
from ftdojo.tasks.check import check
from ftdojo.tasks.rows import read_jsonl

THINGS = "kettle room soup waiter seat phone lamp bread train zip coat desk cup bed shop app screen".split()
SAID = {
    "positive": "lovely sturdy bright quiet friendly quick tasty warm clean sharp".split(),
    "negative": "broken loud cold slow rude stale dirty dull cracked late".split(),
}


def reviews(count: int = 80) -> list[dict[str, Any]]:
    rng = random.Random(0)
    rows: dict[str, str] = {}
    while len(rows) < count:
        label = rng.choice(list(SAID))
        rows[f"The {rng.choice(THINGS)} was {rng.choice(SAID[label])} for {rng.randrange(90)} days, Zoë."] = label
    return [{"nr": n, "Review Text": text, "label": label} for n, (text, label) in enumerate(rows.items())]


def count(texts: list[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def turn(row: dict[str, Any], role: str, text: str, people: tuple[str, str]) -> list[dict[str, str]]:
    return [{role: people[0], text: row["Review Text"]}, {role: people[1], text: row["label"]}]


def write(folder: Path, form: str) -> Path:
    import pandas

    rows, path = reviews(), folder / f"data.{form.rpartition('.')[2]}"
    frame, whole = pandas.DataFrame(rows), path.suffix == ".json"
    texts: dict[str, Any] = {
        "wrapped.json": {"version": 1, "data": rows},
        "list.json": rows,
        "sharegpt.json": [{"conversations": turn(r, "from", "value", ("human", "gpt"))} for r in rows],
        "messages.jsonl": [{"messages": turn(r, "role", "content", ("user", "assistant"))} for r in rows],
        "alpaca.jsonl": [{"instruction": "Judge.", "input": r["Review Text"], "output": r["label"]} for r in rows],
        "pairs.jsonl": [{"prompt": r["Review Text"], "completion": r["label"]} for r in rows],
        "x.jsonl": rows,
    }
    tables: dict[str, Callable[[], object]] = {
        "semicolons.csv": lambda: path.write_bytes(frame.to_csv(index=False, sep=";").encode("utf-8-sig")),
        "latin.csv": lambda: path.write_bytes(frame.to_csv(index=False).encode("latin-1")),
        "x.tsv": lambda: frame.to_csv(path, index=False, sep="\t"),
        "x.parquet": lambda: frame.to_parquet(path),
        "x.arrow": lambda: frame.to_feather(path),
        "x.xlsx": lambda: frame.to_excel(path, index=False),
    }
    if form in texts:
        path.write_bytes(json.dumps(texts[form], indent=1).encode() if whole else lines(texts[form]))
    else:
        tables[form]()
    return path


FORMS = [
    *("semicolons.csv", "latin.csv", "x.tsv", "x.jsonl", "list.json", "wrapped.json", "x.parquet", "x.arrow", "x.xlsx"),
    *("sharegpt.json", "messages.jsonl", "alpaca.jsonl", "pairs.jsonl"),
]


def checked(folder: Path, data: Path) -> list[str]:
    """Check the task in a folder; return the codes of its findings."""
    task = registry.get(folder)
    data.mkdir()
    task.variants["folder"].build(data, {})
    report = check(task, data)
    items = read_items(data / "validation.jsonl") + read_items(data / "test.jsonl")
    copies = list(find_copies(task, data / "raw", build_index(task, data / "raw", items)))
    assert report.ok, report.findings
    assert report.pairs
    return [finding.code for finding in [*report.findings, *copies]]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_of_any_form_becomes_a_task_that_passes_its_check(tmp_path: Path, form: str) -> None:
    made = make_task("mine", tmp_path / "mine", str(write(tmp_path, form)), Wishes(), count)
    assert checked(tmp_path / "mine", tmp_path / "built") == []
    assert (made.rows, made.train + made.evaluation, made.scorer) == (80, 80, "choice")
    assert 12 <= made.evaluation <= 20
    assert set(made.classes) == {"positive", "negative"}
    assert "Answer with one of: negative, positive." in made.prompt
    assert "nr" not in made.prompt
    *unusual, few = made.remarks
    assert few.startswith(f"{made.evaluation} rows for evaluation make ")
    assert unusual == (
        ["data.csv holds bytes that are not UTF-8; they are read as Windows-1252 (Latin-1)"]
        if form == "latin.csv"
        else []
    )
    task = registry.get(tmp_path / "mine")
    prompts = [task.question(item) for item in read_jsonl(tmp_path / "built" / "validation.jsonl")]
    assert all("Zoë" in prompt for prompt in prompts)


def test_a_file_whose_rows_contain_items_is_named_once(tmp_path: Path) -> None:
    """A task with answers in JSON has two renderings of each row, with the same prompt."""
    rng = random.Random(0)

    def row(number: int) -> dict[str, str]:
        words = " ".join("".join(rng.choices("abcdefgh", k=6)) for _ in range(30))
        return {"text": f"Note {number}: {words}.", "fields": json.dumps({"number": number})}

    items, others = [row(number) for number in range(8)], [row(number) for number in range(8, 24)]
    copies = [{**item, "text": f"{item['text']} Thank you!"} for item in items[:3]]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/task.toml").write_text(
        'id = "own/notes"\ndomain = "own"\nobjective = "Read notes."\noutput_format = "JSON"\nscorer = "json"\n'
        'metric = "accuracy"\nprompt = "{{ text }}"\nanswer = "fields"\n',
        "utf-8",
    )
    for name, rows in (("train", others + copies), ("eval", items)):
        (tmp_path / f"mine/{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    assert len(registry.get(tmp_path / "mine").spec.raw_sources[0].renderings) == 2
    assert checked(tmp_path / "mine", tmp_path / "built") == ["items_in_training"]


def test_rows_that_a_run_would_take_for_copies_are_left_out(tmp_path: Path) -> None:
    """The split keeps near-duplicates together by a coarser rule than that of a run."""
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghij", k=6)) for _ in range(2000)]
    rows = []
    for _ in range(40):
        text = rng.choices(words, k=14)
        for _ in range(3):
            changed = [*text]
            for place in rng.sample(range(14), 1):
                changed[place] = rng.choice(words)
            rows.append({"text": " ".join(changed), "fields": json.dumps({"name": rng.choice(words)})})
    (tmp_path / "x.jsonl").write_bytes(lines(rows))
    made = make_task("mine", tmp_path / "mine", str(tmp_path / "x.jsonl"), Wishes(answer="fields"), count)
    assert made.left_out["is nearly a row of the evaluation split"] > 0
    assert checked(tmp_path / "mine", tmp_path / "built") == []


def csv(folder: Path, rows: list[dict[str, Any]]) -> str:
    import pandas

    pandas.DataFrame(rows).to_csv(folder / "x.csv", index=False)
    return str(folder / "x.csv")


def sparse(folder: Path) -> str:
    with (folder / "big.csv").open("wb") as stream:
        stream.truncate(2 * 2**30)
    return str(folder / "big.csv")


def pictures(folder: Path, *, text: bool) -> str:
    import pandas

    rows = [{"image": b"\x89PNG\r\n" + bytes([n]), "label": "ab"[n % 2]} for n in range(40)]
    if text:
        return csv(folder, [{**row, "image": str(row["image"])} for row in rows])
    pandas.DataFrame(rows).to_parquet(folder / "x.parquet")
    return str(folder / "x.parquet")


def no_text(folder: Path) -> str:
    (folder / "x.csv").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0")
    return str(folder / "x.csv")


BAD: dict[str, tuple[Callable[[Path], str], Wishes, str]] = {
    "no such file": (lambda f: str(f / "none.csv"), Wishes(), "there is no file or folder"),
    "two gigabytes": (sparse, Wishes(), "2.0 GiB is too much"),
    "pictures": (lambda f: pictures(f, text=False), Wishes(), "'image' holds the bytes of pictures"),
    "pictures as text": (lambda f: pictures(f, text=True), Wishes(), "'image' holds the bytes of pictures"),
    "a picture": (no_text, Wishes(), "is no text"),
    "no such column": (lambda f: csv(f, reviews()), Wishes(answer="lable"), "the columns are 'nr', "),
    "no such prompt": (lambda f: csv(f, reviews()), Wishes(prompt="text"), "there is no column 'text'"),
    "a broken prompt": (lambda f: csv(f, reviews()), Wishes(prompt="{{ text"), "--prompt: line 1"),
    "one class": (lambda f: csv(f, [{**r, "label": "ok"} for r in reviews()]), Wishes(), "nothing to learn"),
    "no answers": (lambda f: csv(f, [{**r, "label": None} for r in reviews()]), Wishes(), "every answer is missing"),
    "unclear": (lambda f: csv(f, [{"a": r["label"], "b": r["label"]} for r in reviews()]), Wishes(), "--answer COLUMN"),
    "too few": (lambda f: csv(f, reviews(6)), Wishes(), "too few to split"),
    "no rows": (lambda f: csv(f, reviews()[:0]), Wishes(), "holds no rows"),
    "an empty folder": (str, Wishes(), "holds no data file"),
    "no share": (lambda f: csv(f, reviews()), Wishes(share=2), "is no share"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_message_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    make, wishes, message = BAD[name]
    with pytest.raises(UsageError) as caught:
        make_task("mine", tmp_path / "mine", make(tmp_path / "in"), wishes, count)
    assert message in str(caught.value)
    assert caught.value.fix
    assert not (tmp_path / "mine").exists()


def test_a_hub_set_that_cannot_be_had_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises((UsageError, PrerequisiteError), match="there is no file or folder 'nobody/no-such-set'"):
        make_task("mine", tmp_path / "mine", "nobody/no-such-set", Wishes(), count)


def test_pictures_next_to_the_text_are_left_out(tmp_path: Path) -> None:
    """Sets of a hub keep a picture as an object with its bytes and its name."""
    import pandas

    rows = [row | {"picture": {"bytes": b"\x89PNG", "path": f"{row['nr']}.png"}} for row in reviews()]
    pandas.DataFrame(rows).to_parquet(tmp_path / "x.parquet")
    made = make_task("mine", tmp_path / "mine", str(tmp_path / "x.parquet"), Wishes(), count)
    assert (made.answer, made.columns["picture"]) == ("label", 0)
    row = read_jsonl(tmp_path / "mine" / "train.jsonl")[0]
    assert row["picture"]["bytes"] is None
    with pytest.raises(UsageError, match="every answer is missing: the column 'picture' is blank"):
        make_task("mine", tmp_path / "other", str(tmp_path / "x.parquet"), Wishes(answer="picture"), count)


def test_a_hub_set_with_dates_and_pictures_becomes_a_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``datasets`` gives texts that look like dates as ``datetime``, and pictures as objects; JSON has neither."""
    datasets = pytest.importorskip("datasets")
    rows = [row | {"written": "2024-01-01", "at": "2024-01-01 10:00:00", "seen": {"bytes": b"x"}} for row in reviews()]
    (tmp_path / "x.jsonl").write_bytes(lines([{k: v for k, v in row.items() if k != "seen"} for row in rows]))
    table = datasets.load_dataset("json", data_files=str(tmp_path / "x.jsonl"), cache_dir=str(tmp_path), split="train")
    pictures = datasets.Dataset.from_dict({"seen": [row["seen"] for row in rows]}).cast_column("seen", datasets.Image())
    table = datasets.concatenate_datasets([table, pictures], axis=1)
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: datasets.DatasetDict({"train": table}))
    make_task("mine", tmp_path / "mine", "somebody/set", Wishes(prompt="Review Text", answer="label"), count)
    (found,) = {(row["written"], row["at"]) for row in read_jsonl(tmp_path / "mine" / "train.jsonl")}
    assert found == ("2024-01-01", "2024-01-01T10:00:00")


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    rows = reviews()
    other = {**rows[1], "label": "negative" if rows[1]["label"] == "positive" else "positive"}
    flawed: list[dict[str, Any]] = [{"nr": 1, "Review Text": "no label"}, {"label": "positive"}, rows[0], other]
    (tmp_path / "x.jsonl").write_bytes(lines([*rows, *flawed]) + b"broken\n[1]\n")
    made = make_task("mine", tmp_path / "mine", str(tmp_path / "x.jsonl"), Wishes(), count)
    assert made.left_out == {
        "is no object": 2,
        "has no answer": 1,
        "has no prompt": 1,
        "repeats a prompt": 1,
        "repeats a prompt with another answer": 1,
    }
    assert made.columns == {"nr": 1, "Review Text": 1, "label": 1}
    assert made.train + made.evaluation == 80


def test_a_split_of_a_folder_is_kept_and_what_is_in_both_is_not_trained_on(tmp_path: Path) -> None:
    rows, data = reviews(), tmp_path / "set"
    data.mkdir()
    (data / "train.csv").write_text("")
    csv(data, [*rows[:60], {**rows[70], "Review Text": rows[70]["Review Text"].upper()}])
    (data / "x.csv").rename(data / "train.csv")
    (data / "test.jsonl").write_bytes(lines(rows[60:]))
    made = make_task("mine", tmp_path / "mine", str(data), Wishes(), count)
    assert (made.train, made.evaluation) == (60, 20)
    assert made.left_out == {"is nearly a row of the evaluation split": 1}
    assert checked(tmp_path / "mine", tmp_path / "built") == []


def test_several_turns_and_a_system_text_stand_in_the_prompt(tmp_path: Path) -> None:
    chats = [
        {"messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": f"Question {n}?"},
            {"role": "assistant", "content": "Which?"},
            {"role": "user", "content": f"That of {n * 7}."},
            {"role": "assistant", "content": f"{n * 3} it is."},
        ]}
        for n in range(60)
    ]  # fmt: skip
    (tmp_path / "x.jsonl").write_bytes(lines([*chats, {"messages": [{"role": "user", "content": "alone"}]}]))
    made = make_task("mine", tmp_path / "mine", str(tmp_path / "x.jsonl"), Wishes(system="Answer briefly."), count)
    assert (made.form, made.scorer, made.left_out) == (
        "OpenAI messages",
        "exact",
        {"is a conversation without an answer": 1},
    )
    checked(tmp_path / "mine", tmp_path / "built")
    task = registry.get(tmp_path / "mine")
    prompt = task.question(read_jsonl(tmp_path / "built" / "test.jsonl")[0])
    assert prompt.startswith("Answer briefly.\n\nBe kind.\n\nUser: Question ")
    assert "\n\nAssistant: Which?\n\nUser: That of " in prompt
    assert prompt.endswith("\n\nAssistant:")


def test_a_template_with_a_syntax_error_is_refused(tmp_path: Path) -> None:
    rows = csv(tmp_path, [{"review": row["Review Text"], "verdict": row["label"]} for row in reviews()])
    with pytest.raises(UsageError, match="--prompt: line 1 of the template"):
        make_task("mine", tmp_path / "mine", rows, Wishes(prompt="{{ review", answer="verdict"), count)


def test_a_column_that_is_misspelt_in_a_template_is_named(tmp_path: Path) -> None:
    wishes = Wishes(prompt="Is this good? {{ revew }}", answer="verdict")
    rows = csv(tmp_path, [{"review": row["Review Text"], "verdict": row["label"]} for row in reviews()])
    with pytest.raises(UsageError, match="--prompt: there is no column 'revew'") as caught:
        make_task("mine", tmp_path / "mine", rows, wishes, count)
    assert caught.value.fix == "the columns are 'review', 'verdict'"


def test_the_only_column_of_classes_is_the_answer(tmp_path: Path) -> None:
    rows = [{"verdict": row["label"], "text": row["Review Text"]} for row in reviews()]
    assert make_task("mine", tmp_path / "mine", csv(tmp_path, rows), Wishes(), count).answer == "verdict"


@pytest.mark.parametrize(
    ("answers", "scorer"),
    [
        (["yes", "No", "no"] * 9, "choice"),
        ([str(n / 4) for n in range(40)], "number"),
        ([json.dumps({"a": n}) for n in range(40)], "json"),
        ([f"word {n}" for n in range(40)], "exact"),
        (["0", "1"] * 9, "choice"),
        ([f"{n} " + "some words of a long answer " * 3 for n in range(40)], "tokens"),
    ],
)
def test_the_scorer_follows_from_the_answers(answers: list[str], scorer: str) -> None:
    assert choose_scorer(answers).scorer == scorer


def test_measured_values_are_scored_by_their_distance_and_counts_by_equality(tmp_path: Path) -> None:
    assert choose_scorer([str(n) for n in range(40)]).metric == "accuracy"
    rows = [{"review": row["Review Text"], "price": f"1,0{n % 60:02}.5"} for n, row in enumerate(reviews())]
    make_task("mine", tmp_path / "mine", csv(tmp_path, rows), Wishes(answer="price"), count)
    assert registry.get(tmp_path / "mine").spec.metric == "mae"
    assert "worst = 59.0" in (tmp_path / "mine/task.toml").read_text("utf-8")


def test_rows_about_one_document_stay_together_and_classes_are_on_both_sides() -> None:
    rng = random.Random(1)
    words = [f"w{number}" for number in range(900)]
    documents = [" ".join(rng.sample(words, 30)) for _ in range(30)]
    prompts = [f"Read this. {text} Question {rng.choice(words)}?" for text in documents for _ in range(4)]
    groups = group(prompts)
    assert [len(set(groups[n : n + 4])) for n in range(0, 120, 4)] == [1] * 30
    assert len(set(groups)) == 30
    flags = split(groups, ["a" if n // 4 % 3 else "b" for n in range(120)], 0.2, 1000)
    assert len({flag for _, flag in set(zip(groups, flags, strict=True))}) == 2
    assert len(set(zip(groups, flags, strict=True))) == 30
    assert sum(flags) == 24
    assert sum(flag for n, flag in enumerate(flags) if not n // 4 % 3) == 8
    assert sum(split(list(range(900)), ["a"] * 900, 0.5, 100)) == 100


def test_the_account_is_a_document(tmp_path: Path) -> None:
    made = make_task("shop/mine", tmp_path / "mine", str(write(tmp_path, "x.jsonl")), Wishes(answer="label"), count)
    assert Intake.model_validate_json(made.model_dump_json()) == made
    assert registry.get(tmp_path / "mine").spec.id == "shop/mine"
    with pytest.raises(UsageError, match="ftdojo task new data --from"):
        registry.get(tmp_path / "data.jsonl")
