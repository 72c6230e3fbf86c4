"""Small files from strangers: every fault is found, named and answered."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, model_validator

from ftdojo.errors import InputError
from ftdojo.schema import MAX_BYTES, StrictModel, load_file, parse


class Inner(StrictModel):
    rank: int = 16


class Outer(StrictModel):
    learning_rate: float = Field(gt=0)
    lora: Inner | None = None
    parts: tuple[Inner, ...] = ()


def findings(folder: Path, text: str | bytes, name: str = "train.yaml") -> list[tuple[str, str, str]]:
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(InputError) as caught:
        load_file(folder / name, Outer)
    return [(f.code, f.where, f.fix) for f in caught.value.findings]


class Pair(StrictModel):
    low: int
    high: int

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError("'low' is above 'high': swap them")
        return self


def test_a_fault_of_the_whole_file_is_told_in_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        parse({"low": 2, "high": 1}, Pair, where="pair.yaml")
    (finding,) = caught.value.findings
    assert (finding.where, finding.message) == ("pair.yaml", "'low' is above 'high': swap them")


def test_a_folder_without_a_name_is_named_all_the_same() -> None:
    with pytest.raises(InputError) as caught:
        load_file(Path(), Outer)
    (finding,) = caught.value.findings
    assert (finding.where, finding.fix[:16]) == (".", "write . itself, ")


def test_a_good_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("learning_rate: 0.1\nlora: {rank: 4}\n")
    (tmp_path / "a.toml").write_text("learning_rate = 0.1\n[lora]\nrank = 4\n")
    assert load_file(tmp_path / "a.yaml", Outer) == load_file(tmp_path / "a.toml", Outer)


def test_an_unknown_key_is_answered_with_the_nearest(tmp_path: Path) -> None:
    assert findings(tmp_path, "learning_rate: 1\nlearning_rat: 2") == [
        ("unknown_key", "train.yaml: learning_rat", "did you mean 'learning_rate'?")
    ]


def test_nested_keys_are_answered_from_their_own_level(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, "learning_rate: 1\nlora: {rnk: 2}")
    assert found == ("unknown_key", "train.yaml: lora.rnk", "did you mean 'rank'?")
    (found,) = findings(tmp_path, "learning_rate: 1\nparts: [{rnk: 2}]")
    assert found == ("unknown_key", "train.yaml: parts.0.rnk", "did you mean 'rank'?")


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    codes = {code for code, _, _ in findings(tmp_path, "learning_rate: -1\nfoo: 2\nlora: {rank: x}")}
    assert codes == {"bad_value", "unknown_key"}
    assert len(findings(tmp_path, "learning_rate: -1\nfoo: 2\nlora: {rank: x}")) == 3


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_value"),
        ("- 1", "bad_value"),
        ("{", "unreadable"),
        (b"\xff\xfe", "unreadable"),
        ("a: &x [1]\nb: *x", "unreadable"),
        ("!!python/object/apply:os.system ['true']", "unreadable"),
        ("a: " + "[" * 5000, "unreadable"),
        ("learning_rate: !!int ''", "unreadable"),
        ("learning_rate: !!timestamp x", "unreadable"),
        ("learning_rate: !!bool x", "unreadable"),
        (f"learning_rate: 1\nparts: 0x{'f' * 5000}", "bad_value"),
        ("#" * (MAX_BYTES + 1), "too_large"),
        ("lora: null", "missing_key"),
    ],
)
def test_bad_files(tmp_path: Path, text: str | bytes, code: str) -> None:
    assert findings(tmp_path, text)[0][0] == code


def test_a_toml_key_of_very_many_parts_is_refused(tmp_path: Path) -> None:
    """``tomllib`` would take gigabytes for it."""
    for key in ("a." * 100_000 + "a", '"\\"" . ' * 30_000 + "a", "[" + "'a'." * 30_000 + "a]"):
        ((code, _, _),) = findings(tmp_path, f"learning_rate = 1\n{key} = 1\n", "a.toml")
        assert code == "unreadable"
    (tmp_path / "a.toml").write_text(f"# {'...' * 99}\n# {'a word. ' * 99}\nlearning_rate = 1 # {'1.5, ' * 99}")
    assert load_file(tmp_path / "a.toml", Outer).learning_rate == 1


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path, code in [(tmp_path / "none.yaml", "missing_file"), (tmp_path, "unreadable")]:
        with pytest.raises(InputError) as caught:
            load_file(path, Outer)
        assert caught.value.findings[0].code == code


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_value_is_parsed_or_refused(value: object) -> None:
    with contextlib.suppress(InputError):
        assert parse(value, Outer, where="x").learning_rate > 0
