"""The table of walls and proofs: what it names exists, and a wrong table is not accepted."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "scripts/check_proofs.py"))
PAGE = (ROOT / "docs/security.md").read_text("utf-8")


def test_every_wall_of_the_page_has_a_test_that_exists() -> None:
    assert len(SCRIPT["rows"](PAGE)) >= 15
    assert SCRIPT["faults"](ROOT, PAGE) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("test_a_run_is_private`", "test_a_run_is_secret`", "there is no test"),
        ("tests/record/test_run_folder.py", "tests/record/test_gone.py", "there is no test"),
        ("`tests/attacks/mirror_leads_out`", "`tests/attacks/mirror_leads`", "there is no attack tests"),
        ("`tests/attacks/mirror_leads_out`", "a mirror", "names no proof"),
        ("`tests/attacks/mirror_leads_out`", "`tests/attacks/suite_*`", "the attack mirror_leads_out is in no row"),
    ],
)  # fmt: skip
def test_a_table_that_promises_more_is_found(old: str, new: str, fault: str) -> None:
    assert old in PAGE
    assert any(fault in found for found in SCRIPT["faults"](ROOT, PAGE.replace(old, new)))
