"""What would more buy: forecasts where trainings of several sizes were measured, else plain words."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from ftdojo.contract.feedback import SampledRows
from ftdojo.contract.protocol import Iteration, Probe
from ftdojo.report import view
from ftdojo.report.view.more import what_more_buys
from ftdojo.report.view.parts import Fact


def sized(build: SimpleNamespace, number: int, rows: int, value: float, gap: float = 9.0) -> Iteration:
    """An iteration on so many rows, which took a tenth of that in seconds."""
    made: Iteration = build.evaluated(number, value, gap)
    assert made.feedback.data is not None
    execution = made.feedback.execution
    seconds = execution.seconds.model_copy(update={"train": rows / 10})
    changed = {
        "data": made.feedback.data.model_copy(update={"rows": rows}),
        "execution": execution.model_copy(update={"seconds": seconds}),
    }
    return made.model_copy(update={"feedback": made.feedback.model_copy(update=changed)})


def values(lines: list[Fact]) -> dict[str, str]:
    return {line.name: line.value.replace("\N{NO-BREAK SPACE}", " ") for line in lines}


def test_more_rows_and_time_are_forecast_from_trainings_of_several_sizes(build: SimpleNamespace) -> None:
    tried = [sized(build, 1, 100, 20), sized(build, 2, 200, 35), sized(build, 3, 400, 50)]
    found = values(what_more_buys(tried, [], 3, build.trivial(), best_value=100.0, outlook="more rows"))
    assert list(found) == [
        "iteration 3, on validation", "2 times the rows", "5 times the rows", "2 times the time of training",
        "5 times the time of training", "always answering 1", "the best constant of each sub-task",
        "the base model with 4 examples in its prompt", "the agent would try next",
    ]  # fmt: skip
    two, five = (re.fullmatch(r"(\S+) % \[(\S+), (\S+)\]", found[f"{n} times the rows"]) for n in (2, 5))
    assert two is not None
    assert five is not None
    assert 50 < float(two[1]) < float(five[1]) < 95
    assert float(five[3]) - float(five[2]) > float(two[3]) - float(two[2]) > 10
    assert found["2 times the time of training"] == found["2 times the rows"], "seconds are a tenth of the rows"
    assert found["the agent would try next"] == "more rows"


def test_a_training_that_goes_on_counts_with_what_it_went_on_from(build: SimpleNamespace) -> None:
    anew = [sized(build, n, rows, value) for n, rows, value in ((1, 100, 20), (2, 200, 35), (3, 400, 50))]
    steps = [sized(build, n, rows, value) for n, rows, value in ((1, 100, 20), (2, 100, 35), (3, 200, 50))]
    steps = [steps[0], *(step.model_copy(update={"start": step.number - 1}) for step in steps[1:])]
    told = [what_more_buys(tried, [], 3, None, best_value=100.0, outlook="") for tried in (anew, steps)]
    assert told[0] == told[1]


def test_what_cannot_be_said_is_not_said(build: SimpleNamespace) -> None:
    alike = [sized(build, 1, 400, 20), sized(build, 2, 400, 35), sized(build, 3, 400, 50)]
    found = values(what_more_buys(alike, [], 3, None, best_value=100.0, outlook=""))
    assert found == {
        "iteration 3, on validation": "50.0 % [44.0, 56.0]",
        "more rows": "cannot be said: fewer than 3 different amounts were tried",
        "more time of training": "cannot be said: fewer than 3 different amounts were tried",
    }
    assert what_more_buys([build.stopped(1)], [], 0, None, best_value=100.0, outlook="") == []


def test_samples_stand_with_their_interval_below_those_of_the_base_model(build: SimpleNamespace) -> None:
    one = sized(build, 1, 400, 60)
    drawn = SampledRows(rows=24, samples=96, right=48, solved=18, kept=0)
    one = one.model_copy(update={"feedback": one.feedback.model_copy(update={"headroom": drawn})})
    base = SampledRows(rows=24, samples=96, right=0, solved=0, kept=0)
    found = values(what_more_buys([one], [], 1, build.trivial(), best_value=100.0, outlook="", base=base))
    some = one.model_copy(
        update={"feedback": one.feedback.model_copy(update={"headroom": drawn.model_copy(update={"mastered": 6})})}
    )
    (*_, last) = values(what_more_buys([some], [], 1, build.trivial(), best_value=100.0, outlook="")).values()
    assert last.endswith("of rows in 4 tries, 25.0 % in all of them")
    names = [f"right answers of {who} to 24 raw rows" for who in ("the base model", "iteration 1")]
    assert list(found)[-2:] == names
    words = [
        re.fullmatch(r"(\S+) % of single answers, (\S+) % \[(\S+), (\S+)\] of rows in 4 tries", found[name])
        for name in names
    ]
    (none, zero, least, most), (single, solved, low, high) = (map(float, word.groups()) for word in words if word)
    assert (none, zero, least, single, solved) == (0, 0, 0, 50, 75)
    assert 5 < most < 30, "none of 24 is no certainty"
    assert 50 < low < 65
    assert 85 < high < 100


def test_probes_are_points_of_the_curve(build: SimpleNamespace) -> None:
    one = sized(build, 1, 800, 60)
    probes = [
        Probe(submission=one.digests["submission"], share=share, score=build.score(value), findings=[])
        for share, value in ((0.125, 20), (0.25, 35))
    ]
    found = values(what_more_buys([one], probes, 1, None, best_value=100.0, outlook=""))
    assert "2 times the rows" in found
    assert "more time of training" in found
    assert "more rows" in values(what_more_buys([one], [], 1, None, best_value=100.0, outlook=""))


def test_a_report_says_it_and_an_older_record_says_less(make_run: Callable[..., Path], build: SimpleNamespace) -> None:
    tried = [sized(build, 1, 100, 20), sized(build, 2, 200, 35), sized(build, 3, 400, 50)]
    older = view.read(make_run(tried))
    assert "more rows" in values(older.more), "the record does not have the metric's best value"
