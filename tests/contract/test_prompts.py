"""The prompts of a run's owner as an option: read from a file, complete without it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftdojo.contract.configuration import Configuration
from ftdojo.contract.options import RunOptions
from ftdojo.contract.prompts import MAX_CHARS, identify_prompts, load_prompts, name_prompts
from ftdojo.errors import InputError, UsageError


def test_a_file_is_read_when_the_options_are_made(tmp_path: Path) -> None:
    yaml, twin = tmp_path / "own.yaml", tmp_path / "own.json"
    yaml.write_text('default: |\n  {{ q }}\n  Answer é.\nrings: "{{ smiles }}"\n', "utf-8")
    twin.write_text(json.dumps({"rings": "{{ smiles }}", "default": "{{ q }}\nAnswer é.\n"}), "utf-8")
    first, second = (RunOptions(task="t", prompts=str(path)).prompts for path in (yaml, twin))
    assert first is not None
    assert second is not None
    assert json.loads(first) == {"default": "{{ q }}\nAnswer é.\n", "rings": "{{ smiles }}"}
    assert load_prompts(first) == first, "the content stands for the file"
    assert identify_prompts(first) == identify_prompts(second), "the order of templates does not matter"
    assert identify_prompts(first) != identify_prompts('{"default": "{{ q }}"}')
    assert identify_prompts(first) in name_prompts(first)
    assert name_prompts(None) == ""


def test_the_example_of_the_page_is_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/prompts.md").read_text("utf-8")
    (tmp_path / "own.yaml").write_text(page.split("```yaml\n")[1].split("```")[0], "utf-8")
    assert set(json.loads(load_prompts(str(tmp_path / "own.yaml")))) == {"default", "ring_count"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("- a\n- b", "does not hold templates"),
        ("", "does not hold templates"),
        ("default:\n  system: x", "does not hold templates"),
        ("1: x", "does not hold templates"),
        (json.dumps({"default": "\ud83d"}), "half a character"),
        (f"default: {'x' * MAX_CHARS}", "more than 100,000"),
    ],
)
def test_what_holds_no_templates_is_refused(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(content, "utf-8")
    with pytest.raises(UsageError, match=says):
        RunOptions(task="t", prompts=str(path))


def test_a_file_that_does_not_exist_is_named() -> None:
    with pytest.raises(InputError, match=r"absent\.yaml: the file does not exist"):
        RunOptions(task="t", prompts="absent.yaml")
    with pytest.raises(UsageError, match="neither a file nor templates"):
        RunOptions(task="t", prompts="{ default: x")


def test_a_record_without_prompts_does_not_mention_them_and_one_with_a_path_is_refused(tmp_path: Path) -> None:
    plain = Configuration.of(
        RunOptions(task="t", variant="twin"), task="a/b", data_llm={}, budget=RunOptions(task="t").budget, digests={}
    )
    assert "prompts" not in plain.model_dump()
    own = plain.model_copy(update={"prompts": '{"default": "{{ q }}"}'})
    assert Configuration.model_validate_json(own.model_dump_json()) == own
    for mine, theirs in ((plain, own), (own, plain)):
        with pytest.raises(UsageError, match="prompts"):
            mine.require_same(theirs, tmp_path)
    (tmp_path / "own.yaml").write_text("default: x", "utf-8")
    hostile = Configuration.model_validate(plain.model_dump() | {"prompts": str(tmp_path / "own.yaml")})
    with pytest.raises(UsageError, match="neither a file nor templates as JSON"):
        hostile.options("t")
