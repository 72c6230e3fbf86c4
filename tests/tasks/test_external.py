"""A user's scorer.py, run in another process, and its failures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ftdojo.errors import InputError, PrerequisiteError
from ftdojo.tasks.external import CodeRunner, ExternalScorer

ITEMS = [{"id": "a", "gold": "x"}, {"id": "b", "gold": "y"}, {"id": "c", "gold": "z"}]


@pytest.fixture
def scorer(tmp_path: Path, runner: CodeRunner) -> Callable[[str], ExternalScorer]:
    def make(body: str) -> ExternalScorer:
        (tmp_path / "scorer.py").write_text(f"def score(item, output):\n    {body}\n", "utf-8")
        return ExternalScorer(tmp_path / "scorer.py", lambda item: item["gold"], lambda item: "", runner)

    return make


def test_scores_come_back_in_order(scorer: Callable[[str], ExternalScorer]) -> None:
    given = scorer("return 1 if output == item['gold'] else 0.5 if output else 0")
    scores = given.score(ITEMS, ["x", "wrong \ud800", ""])
    assert [(s.id, s.score, s.parsed, s.error) for s in scores] == [
        ("a", 1.0, True, None),
        ("b", 0.5, True, "wrong"),
        ("c", 0.0, False, "empty"),
    ]
    assert given.value(scores) == 50.0
    assert given.gold(ITEMS[1]) == "y"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 1 / len(output)", "item c: .*ZeroDivisionError"),
        ("return 2", "item a"),
        ("return float('nan')", "item a"),
        ("return None", "TypeError"),
        ("raise SystemExit", "0 scores for 3 items"),
        ("import sys; sys.exit('gone')", "gone"),
    ],
)
def test_a_scorer_that_fails_is_an_error_and_never_a_zero(
    scorer: Callable[[str], ExternalScorer], body: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        scorer(body).score(ITEMS, ["x", "y", ""])


def test_without_a_runner_nothing_is_run(tmp_path: Path) -> None:
    code = tmp_path / "scorer.py"
    code.write_text("raise SystemExit", "utf-8")
    with pytest.raises(PrerequisiteError, match="untrusted"):
        ExternalScorer(code, str, str, None).score(ITEMS, ["", "", ""])
