"""The closing table: what was gained, what was tried, what was spent, in 80 columns."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from types import SimpleNamespace

from rich.console import Console

from ftdojo.contract.result import Change, RunResult
from ftdojo.report import closing_table, text

S = text.SPACE
MakeResult = Callable[..., RunResult]


def shown(result: RunResult) -> str:
    stream = StringIO()
    Console(file=stream, width=80, force_terminal=False).print(closing_table(result))
    return stream.getvalue()


def row(output: str, start: str) -> str:
    return next(line for line in output.splitlines() if line.strip().startswith(start))


def test_gains_have_intervals_and_iterations_their_decision(make_result: MakeResult) -> None:
    output = shown(make_result())
    for split, after in (("validation", f"64.5{S}% [58.5,{S}70.5]"), ("test", f"61.0{S}% [55.0,{S}67.0]")):
        assert f"8.5{S}% [2.5,{S}14.5]" in row(output, f"{split} accuracy")
        assert after in row(output, f"{split} accuracy")
    assert "best, iteration 6" in output
    assert row(output, "1 ").split()[1:5] == ["train.epochs:", "2.0", "→", "4.0"]
    assert "accepted" in row(output, "1 ")
    assert "rejected" in row(output, "2 ")
    assert "gate 2" in row(output, "3 ")
    assert row(output, "6 ").split()[-1] == "245"
    assert "25 min 16 s (device 24 min 42 s), 6 submissions, no LLM tokens" in " ".join(output.split())


def test_what_needs_no_training_stands_with_both_splits(make_result: MakeResult, build: SimpleNamespace) -> None:
    output = shown(make_result(trivial=(build.trivial("2", n=100), build.trivial(few_shot=None))))
    assert all(len(line) <= 80 for line in output.splitlines())
    assert row(output, "always answering 2").split(maxsplit=3)[3].split("  ")[0] == f"39.0{S}% [33.0,{S}45.0]"
    assert row(output, "always answering 1").rstrip().endswith(f"39.0{S}% [33.0,{S}45.0]")
    assert "of 100 items" in output


def test_guard_tasks_stand_with_what_is_kept_of_them(make_result: MakeResult, build: SimpleNamespace) -> None:
    better, worse = (build.evaluated(number, 50.0, 20.0) for number in (1, 2))
    kept, lost = (
        iteration.decision.model_copy(update={"guard": [build.guarded(gap)], "accepted": gap == 0})
        for iteration, gap in ((better, 0.0), (worse, -20.0))
    )
    output = shown(
        make_result([better.model_copy(update={"decision": kept}), worse.model_copy(update={"decision": lost})])
    )
    assert all(len(line) <= 80 for line in output.splitlines())
    assert row(output, "own/guarded").split()[1:] == [
        *f"60.0{S}% [54.0,{S}66.0] →".split(),
        *"+0.0 points [−4.0, +4.0], kept".split(),
    ]
    assert "accepted" in row(output, "1 ")
    assert "forgets" in row(output, "2 ")


def test_guard_tasks_stand_with_what_needs_no_training(make_result: MakeResult, build: SimpleNamespace) -> None:
    better = build.evaluated(1, 50.0, 20.0)
    decision = better.decision.model_copy(update={"guard": [build.guarded(0.0)]})
    given = [better.model_copy(update={"decision": decision})]
    output = shown(make_result(given, guard_trivial=build.untrained(better=False)))
    assert all(len(line) <= 80 for line in output.splitlines())
    assert f"55.0{S}% [49.0,{S}61.0]" in row(output, "always answering")
    assert "without training, of 20 items" in output
    assert "guard task own/guarded: the base model is not shown to be better than always answering yes" in " ".join(
        output.split()
    )


def test_a_run_that_kept_the_base_model(make_result: MakeResult) -> None:
    output = shown(make_result([]))
    assert "best: the base model" in output
    assert "what changed" not in output


def test_long_and_hostile_text_fits_and_does_nothing(make_result: MakeResult, build: SimpleNamespace) -> None:
    result = make_result([build.evaluated(1, 100.0, 91.5)])
    hostile = "[red]\x1b[2J\x1b]0;t\x07\x00\u202e" * 1000
    changes = [Change(key=hostile, before=hostile, after=hostile, expected=hostile)] * 3
    iteration = result.iterations[0].model_copy(update={"changes": changes, "hypothesis": hostile})
    result = result.model_copy(update={"task": hostile, "iterations": [iteration]})
    output = shown(result)
    assert all(len(line) <= 80 for line in output.splitlines())
    assert "[red]" in output
    assert "(+2 more)" in " ".join(output.split())
    assert not set(output) & set("\x1b\x07\x00\u202e")


def test_many_iterations_are_shortened_to_the_best_and_the_last(
    make_result: MakeResult, build: SimpleNamespace
) -> None:
    output = shown(make_result([build.evaluated(n, 40.0, 9.0 if n == 5 else 0.0, points=1) for n in range(1, 201)]))
    assert "169 earlier iterations: see the report" in output
    assert "accepted" in row(output, "5 ")
    assert row(output, "171 ")
    assert "\n 170 " not in output
    assert all(len(line) <= 80 for line in output.splitlines())
