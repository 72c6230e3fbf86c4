"""What would more buy: forecasts at more rows and more time, next to what needs no training at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ftdojo.contract.feedback import SampledRows
from ftdojo.contract.protocol import Iteration, Probe
from ftdojo.contract.result import Score, TrivialAnswers
from ftdojo.report import text
from ftdojo.report.view.parts import Fact
from ftdojo.stats.interval import stratified_mean
from ftdojo.stats.learning_curve import LEAST_POINTS, Point, forecast

FACTORS = (2, 5)
HALF_WIDTH = 1.96
"""Half of a 95 % interval in standard errors."""


def what_more_buys(
    iterations: Sequence[Iteration],
    probes: Sequence[Probe],
    best: int,
    trivial: TrivialAnswers | None,
    *,
    best_value: float | None,
    outlook: str,
    base: SampledRows | None = None,
) -> list[Fact]:
    """Return the lines of the table; none if nothing was trained and scored.

    Args:
        iterations: all of the run.
        probes: trainings on a share of an iteration's rows are points of the curve, too.
        best: number of the best iteration; the amounts are multiples of its rows and seconds. While it is 0, those of
            the last iteration that was scored.
        trivial: what needs no training, on validation.
        best_value: the metric's best value, if the record has it.
        outlook: what the agent would try next.
        base: how often samples of the base model are right on raw rows, if that was measured.
    """
    scored = [i for i in iterations if i.score and i.feedback.data]
    if not scored:
        return []
    like = iterations[best - 1] if best else scored[-1]
    assert like.score is not None
    assert like.feedback.data is not None
    lines = [Fact(f"iteration {like.number}, on validation", text.score(like.score))]
    rows, seconds = ({i.number: _with_ancestors(i, iterations, amount) for i in scored} for amount in (_rows, _seconds))
    curves = {
        "rows": ([*_points(scored, rows), *_probed(scored, probes)], rows[like.number]),
        "time of training": (_points(scored, seconds), seconds[like.number]),
    }
    for what, (points, amount) in curves.items():
        found = _forecast(points, amount, like.score, best_value)
        if found:
            lines += [Fact(f"{n} times the {what}", words) for n, words in zip(FACTORS, found, strict=True)]
        else:
            lines.append(
                Fact(f"more {what}", f"cannot be said: fewer than {LEAST_POINTS} different amounts were tried")
            )
    if trivial is not None:
        words = {text.trivial(trivial, name): text.score(score) for name, score in trivial.scores.items()}
        lines += [Fact(*pair) for pair in words.items()]
    drawn = {"the base model": base, f"iteration {like.number}": like.feedback.headroom}
    lines += [_count_right(who, found) for who, found in drawn.items() if found is not None and found.rows]
    if outlook:
        lines.append(Fact("the agent would try next", outlook))
    return lines


def _count_right(who: str, drawn: SampledRows) -> Fact:
    right = [1.0] * drawn.solved + [0.0] * (drawn.rows - drawn.solved)
    found = stratified_mean(right, [""] * drawn.rows).scaled(100)
    tries = f"{text.share(drawn.pass_k)} {text.interval(found.low, found.high, 'accuracy')} of rows in {drawn.k} tries"
    if drawn.mastered:
        tries += f", {text.share(drawn.mastered_share)} in all of them"
    return Fact(
        f"right answers of {who} to {drawn.rows} raw rows", f"{text.share(drawn.pass_1)} of single answers, {tries}"
    )


def _rows(iteration: Iteration) -> float:
    return float(iteration.feedback.data.rows) if iteration.feedback.data else 0.0


def _seconds(iteration: Iteration) -> float:
    return iteration.feedback.execution.seconds.train


def _with_ancestors(last: Iteration, iterations: Sequence[Iteration], amount: Callable[[Iteration], float]) -> float:
    """Return the amount of an iteration and of all that its training went on from."""
    total, one = amount(last), last
    while one.start is not None:
        one = iterations[one.start - 1]
        total += amount(one)
    return total


def _points(scored: Sequence[Iteration], amounts: Mapping[int, float]) -> list[Point]:
    return [_point(amounts[i.number], i.score) for i in scored if i.score and amounts[i.number] > 0]


def _probed(scored: Sequence[Iteration], probes: Sequence[Probe]) -> list[Point]:
    rows = {i.digests.get("submission", ""): _rows(i) for i in scored}
    found = [(probe.share * rows[probe.submission], probe.score) for probe in probes if probe.submission in rows]
    return [_point(amount, score) for amount, score in found if score is not None and amount > 0]


def _point(amount: float, score: Score) -> Point:
    low, high = score.interval
    return Point(amount, score.value, (high - low) / 2 / HALF_WIDTH)


def _forecast(points: Sequence[Point], amount: float, kept: Score, best_value: float | None) -> list[str] | None:
    """Return a forecast for each factor, in words: of the better one of the new model and of that whose score is
    ``kept``. No skill has the value 0; where lower is better, the worst seen."""
    if best_value is None or not points or amount <= 0:
        return None
    worst = 0.0 if best_value > 0 else max(point.score for point in points)
    estimates = forecast(points, [n * amount for n in FACTORS], worst=worst, best=best_value, kept=kept.value)
    if estimates is None:
        return None
    metric = kept.metric
    return [
        f"{text.number(e.value, metric)}{text.unit(metric)} {text.interval(e.low, e.high, metric)}" for e in estimates
    ]
