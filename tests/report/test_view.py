"""What is chosen and said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from ftdojo.contract.feedback import SampledRows
from ftdojo.report import view
from ftdojo.report.view import verdict

MakeRun = Callable[..., Path]


def test_some_counts_what_it_leaves_out() -> None:
    assert view.Some.of("abcdef", 4) == view.Some(list("abcd"), 2)
    assert view.Some.of("ab", 4) == view.Some(list("ab"), 0)


def test_rows_say_what_each_iteration_came_to(make_run: MakeRun) -> None:
    rows = view.read(make_run()).rows
    assert [row.status for row in rows] == ["accepted", "rejected", "stopped", "accepted", "rejected", "accepted"]
    assert rows[1].reason == "not shown to be better than the best so far"
    assert rows[1].difference.replace("\N{NO-BREAK SPACE}", " ") == "+2.5 [−2.5, +7.5]"
    assert rows[2].reason == "gate 2, program_failed: KeyError: 'smiles'"
    assert rows[2].score == rows[2].difference == ""


def test_subtasks_stand_beside_the_base_model_and_the_best(make_run: MakeRun) -> None:
    table = view.read(make_run()).subtasks
    assert table is not None
    assert table.models == ["base", "1", "2", "4", "5", "6"]  # the third was not evaluated
    assert table.models[table.best] == "6"
    assert dict(table.rows.shown)["Murcko_scaffold"] == ["8.5", "41.5", "44.0", "58.0", "57.0", "64.5"]
    shown = [total.replace("\N{NO-BREAK SPACE}", " ") for total in table.total]
    assert [total.split(" %")[0] for total in shown] == ["8.5", "41.5", "44.0", "58.0", "57.0", "64.5"]
    assert shown[-1] == "64.5 % [58.5, 70.5]"


def test_subtasks_stand_beside_the_best_constant_of_each(make_run: MakeRun, build: SimpleNamespace) -> None:
    table = view.read(make_run(trivial=(build.trivial("2", constant=39.0), None))).subtasks
    assert table is not None
    assert table.models == ["base", "1", "2", "4", "5", "6", "constant"]
    assert table.models[table.best] == "6"
    assert {values[-1] for _, values in table.rows.shown} == {"41.0"}
    assert table.total[-1].startswith("41.0")


def test_an_early_best_keeps_its_column(make_run: MakeRun, build: SimpleNamespace) -> None:
    table = view.read(
        make_run([build.evaluated(n, 40.0, 9.0 if n == 2 else 0.0, points=1) for n in range(1, 31)])
    ).subtasks
    assert table is not None
    assert table.models == ["base", "2", *map(str, range(21, 31))]
    assert table.best == 1
    assert table.hidden == 19


def test_overlapping_intervals_and_losses_are_said(build: SimpleNamespace) -> None:
    moved = verdict._describe_change("test", build.score(50.0), build.score(47.0)).replace("\N{NO-BREAK SPACE}", " ")
    assert moved == "test accuracy fell from 50.0 % [44.0, 56.0] to 47.0 % [41.0, 53.0]; the 95 % intervals overlap"
    assert "stayed at 50.0" in verdict._describe_change("test", build.score(50.0), build.score(50.0)).replace(
        "\N{NO-BREAK SPACE}", " "
    )


def test_limits_stand_beside_what_was_spent(make_run: MakeRun) -> None:
    accounts = {a.name: (a.spent, a.limit) for a in view.read(make_run()).budget}
    assert accounts["wall time"] == ("25 min 16 s", "30 min 0 s")
    assert accounts["submissions"] == ("6", "8")
    assert accounts["device time"][1] == "no limit"
    assert accounts["LLM cost"] == ("$0.00", "no limit")


def test_the_planners_calls_stand_with_their_iteration(make_run: MakeRun, build: SimpleNamespace) -> None:
    plan = build.plan(by="openai:some", risks="it may diverge", refuted_if="no gain", outlook=["a lower rate"])
    calls = [build.call("plan", '{"hypothesis": "h"}'), build.call("plan", None, "no route to <b>host</b>")]
    iterations = [build.stopped(1), build.evaluated(2, 40.0, 9.0, given=plan)]
    first, second = view.read(make_run(iterations, calls={2: calls})).details.shown
    assert first.calls.shown == []
    assert [(c.purpose, c.failed) for c in second.calls.shown] == [("plan", False), ("plan", True)]
    assert second.calls.shown[1].reply == "connection: no route to <b>host</b>"
    assert [(f.name, f.value) for f in second.intent] == [
        ("planned by", "openai:some"),
        ("risk", "it may diverge"),
        ("refuted if", "no gain"),
        ("next", "a lower rate"),
    ]


def test_what_samples_said_about_the_rows_is_shown(make_run: MakeRun, build: SimpleNamespace) -> None:
    plain, made = (build.evaluated(number, 40.0, 9.0) for number in (1, 2))
    drawn = SampledRows(
        rows=2400, samples=9600, right=6000, solved=2000, kept=0, mastered=380, contradicted=36, dropped=416
    )
    data = made.feedback.data.model_copy(update={"sampled": drawn})
    asked = made.model_copy(update={"feedback": made.feedback.model_copy(update={"data": data})})
    details = {detail.iteration.number: detail for detail in view.read(make_run([plain, asked])).details.shown}
    shown = [{fact.name: fact.value for fact in details[number].data} for number in (1, 2)]
    assert "rows that a model answered" not in shown[0]
    words = "2,400 asked, 2,000 solved, 380 mastered, 36 contradicted, 416 dropped"
    assert shown[1]["rows that a model answered"] == words


def test_calls_of_data_programs_are_counted_by_model(make_run: MakeRun, build: SimpleNamespace) -> None:
    paid, failed = build.call("data", "yes"), build.call("data", None, "no route")
    kept = paid.model_copy(update={"cached": True})
    calls = [build.call("plan", "{}"), *[paid] * 1000, failed, kept, paid.model_copy(update={"model": "openai:other"})]
    page = view.read(make_run([build.evaluated(1, 40.0, 9.0)], calls={1: calls}))
    (detail,) = page.details.shown
    assert [call.purpose for call in detail.calls.shown] == ["plan"]
    assert [(fact.name, fact.value) for fact in detail.data_calls] == [
        ("openai:other", "1 call, 1,200 + 90 tokens, $0.00"),
        ("openai:some", "1,002 calls (1 failed, 1 kept from earlier runs), 1,201,200 + 90,090 tokens, $0.00"),
    ]
