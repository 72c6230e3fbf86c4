"""From finished jobs to a leaderboard. Results that must not be mixed are kept apart or refused; every claim is
corrected for the number of claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from statistics import fmean

import numpy as np

from ftdojo import sandbox, tasks
from ftdojo.bench.episodes import Counts, Episode, read_episode
from ftdojo.bench.leaderboard import Board, Cell, Cost, Course, Duel, Leaderboard, Missing, Pair, Standing, TaskLine
from ftdojo.bench.match import Match
from ftdojo.bench.record import finished, read
from ftdojo.bench.suite import UNTRAINED, Contestant, Job, Setting, Suite
from ftdojo.bench.untrained import untrained_episodes
from ftdojo.contract.feedback import Interval
from ftdojo.contract.progress import Progress, Silent
from ftdojo.contract.prompts import name_prompts
from ftdojo.contract.result import Score
from ftdojo.errors import UsageError
from ftdojo.plain import plural
from ftdojo.stats import Tally, holm, mean_over, mean_ranks, normalized, seeds_needed
from ftdojo.tasks.spec import Task

LEVEL = 0.05
COURSE_POINTS = 60


def leaderboard(out: Path, progress: Progress | None = None) -> Leaderboard:
    """Return the leaderboard of the suite in ``out``, of the jobs finished so far.

    Raises:
        UsageError: if ``out`` holds no suite, or results that must not be mixed.
    """
    suite, attempts, failures = read(out)
    return compare_runs(out, suite, attempts, failures, progress or Silent())


def compare_runs(
    out: Path, suite: Suite, attempts: Mapping[str, int], failures: Mapping[str, str], progress: Progress
) -> Leaderboard:
    """Return the leaderboard of the finished runs of a suite below ``out``.

    Args:
        out: the folder in which the jobs of the suite are.
        suite: the contest.
        attempts: the folder of a job -> how often it was tried.
        failures: the folder of a job -> why its last attempt failed.
        progress: receives the progress.

    Raises:
        UsageError: if the results must not be mixed.
    """
    settings: dict[Setting, list[Job]] = {}
    jobs = suite.jobs()
    ended = {job.folder for job in jobs if finished(out, job)}
    for job in jobs:
        settings.setdefault(job.setting, []).append(job)
    missing = [
        Missing(
            job=str(job),
            folder=job.folder,
            attempts=attempts.get(job.folder, 0),
            failure=failures.get(job.folder, ""),
        )
        for planned in settings.values()
        for job in planned
        if job.folder not in ended
    ]
    boards = [_board(out, setting, planned, ended, progress) for setting, planned in settings.items()]
    progress.end("leaderboard", f"{len(jobs) - len(missing)} of {plural(len(jobs), 'run')}")
    return Leaderboard(suite=suite.name, boards=boards, missing=missing, attempts=sum(attempts.values()))


def _board(out: Path, setting: Setting, jobs: Sequence[Job], ended: Collection[str], progress: Progress) -> Board:
    own = list({job.contestant.name: job.contestant for job in jobs}.values())
    names = [contestant.name for contestant in own]
    ran, matches = _read(out, [job for job in jobs if job.folder in ended], names, progress)
    versions = _require_same_versions(ran)
    easy = untrained_episodes(ran, names)
    untrained = list({episode.job.contestant.name: episode.job.contestant for episode in easy}.values())
    contestants = [*own, *untrained]
    for match in matches:
        match.sides = {contestant.name: match.sides[contestant.name] for contestant in contestants}
    decided = _decide_pairs(matches)
    lines = [_line(match, decided) for match in matches]
    cells = [_cell(match, contestant.name) for match in matches for contestant in contestants]
    standings = [
        _standing(c, [e for e in ran if e.job.contestant == c], matches, cells, lines, trained=c in own)
        for c in contestants
    ]
    return Board(
        variant=setting.variant,
        model=setting.model,
        budget=setting.budget,
        limits=jobs[0].limits,
        prompts=name_prompts(jobs[0].rules.prompts),
        versions=versions,
        tasks=lines,
        standings=sorted(standings, key=lambda s: (s.gain is None, -(s.gain or 0.0))),
        cells=cells,
        pairs=decided,
        duels=[_duel(a.name, b.name, decided) for a, b in combinations(contestants, 2)],
        course=_courses(own, ran, easy, matches),
    )


def _read(
    out: Path, jobs: Sequence[Job], names: Sequence[str], progress: Progress
) -> tuple[list[Episode], list[Match]]:
    """Read the finished jobs of a setting, and compare the contestants ``names`` on each task.

    Returns:
        The episodes without their items, in the order of the jobs, and a match for each task with a scored episode.
    """
    by_task: dict[str, list[Job]] = {}
    for job in jobs:
        by_task.setdefault(job.task_id, []).append(job)
    ran: dict[str, Episode] = {}
    matches = []
    for planned in by_task.values():
        progress.update("reading", len(ran), len(jobs), planned[0].task_id)
        episodes, match = _read_task(out, planned, names, first=next(iter(ran.values()), None))
        ran |= {episode.job.folder: episode for episode in episodes}
        matches += [match] if match else []
    return [ran[job.folder] for job in jobs], matches


def _read_task(
    out: Path, jobs: Sequence[Job], names: Sequence[str], first: Episode | None
) -> tuple[list[Episode], Match | None]:
    """Read the finished jobs of one task, and compare the contestants on it. The verdicts on its items are in memory
    only here. Without a scored episode there is no match.

    ``first``: an episode of another task, with which these must share their versions.
    """
    episodes = [read_episode(out, job) for job in jobs]
    _require_same_versions([first, *episodes] if first else episodes)
    playing = [e for e in (*episodes, *untrained_episodes(episodes, names)) if e.items]
    match = None
    if playing:
        task = tasks.get(jobs[0].task, runner=sandbox.run_user_code).variant(jobs[0].setting.variant)[1]
        match = Match(task, jobs[0].task_id, playing, [*names, *(who for who in UNTRAINED if who not in names)])
        match.forget_items()
    return [episode.without_items() for episode in episodes], match


def _require_same_versions(episodes: Sequence[Episode]) -> dict[str, str]:
    """Return the versions that all episodes share.

    Raises:
        UsageError: if they have different versions of ftdojo, or a task, its data or the base model changed.
    """
    faults = []
    first: dict[str, Episode] = {}
    for episode in episodes:
        known = first.setdefault(episode.job.task_id, episode)
        for name, digest in episode.result.digests.items():
            if known.result.digests[name] != digest:
                faults.append(f"{episode.job.folder}: another {name} than {known.job.folder}")
        if episode.result.versions["ftdojo"] != episodes[0].result.versions["ftdojo"]:
            faults.append(f"{episode.job.folder}: another version of ftdojo than {episodes[0].job.folder}")
    if faults:
        raise UsageError(
            "these results must not be mixed:\n  " + "\n  ".join(faults[:20]),
            fix="remove the folders of the older ones, and run the suite again",
        )
    seen = [episode.result.versions for episode in episodes]
    return {name: " and ".join(sorted({v[name] for v in seen})) for name in (seen[0] if seen else {})}


# -- claims ------------------------------------------------------------------------------------------------------------


def _decide_pairs(matches: Sequence[Match]) -> list[Pair]:
    """Return the verdict on every pair, after one correction for all of them."""
    compared = [(match, ours, theirs, gap) for match in matches for (ours, theirs), gap in match.gaps.items()]
    corrected = holm([gap.p_value for *_, gap in compared])
    pairs = []
    for (match, ours, theirs, gap), p_value in zip(compared, corrected, strict=True):
        better = (gap.value > 0) == match.task.spec.higher_is_better
        estimate = gap.estimate()
        deviation = gap.seed_deviation
        pairs.append(
            Pair(
                task=match.name,
                ours=ours,
                theirs=theirs,
                difference=Interval(value=estimate.value, low=estimate.low, high=estimate.high),
                p_value=p_value,
                verdict=0 if p_value >= LEVEL else 1 if better else -1,
                seeds_to_separate=None if deviation is None else seeds_needed(gap.value, deviation),
            )
        )
    return pairs


def _line(match: Match, pairs: Sequence[Pair]) -> TaskLine:
    spec = match.task.spec
    sign = 1 if spec.higher_is_better else -1
    top = max(match.means, key=lambda who: sign * match.means[who].value)
    beaten = {p.theirs if p.ours == top else p.ours for p in pairs if p.task == match.name and _winner(p) == top}
    compared = {w for p in pairs if p.task == match.name and top in (p.ours, p.theirs) for w in (p.ours, p.theirs)}
    leaders = [who for who in match.means if who == top or (who in compared and who not in beaten)]
    one = next(episode for side in match.sides.values() for episode in side.values())
    base = one.result.baseline.test
    assert base is not None
    return TaskLine(
        id=match.name,
        metric=spec.metric,
        higher_is_better=spec.higher_is_better,
        best_value=spec.best_value,
        base=base,
        leaders=leaders,
    )


def _winner(pair: Pair) -> str | None:
    return {1: pair.ours, -1: pair.theirs}.get(pair.verdict)


def _duel(ours: str, theirs: str, pairs: Sequence[Pair]) -> Duel:
    verdicts = [p.verdict if p.ours == ours else -p.verdict for p in pairs if {p.ours, p.theirs} == {ours, theirs}]
    tally = Tally.of(verdicts)
    return Duel(ours=ours, theirs=theirs, wins=tally.wins, ties=tally.ties, losses=tally.losses, p_value=tally.p_value)


# -- one contestant ----------------------------------------------------------------------------------------------------


def _cell(match: Match, contestant: str) -> Cell:
    side, mean = match.sides[contestant], match.means.get(contestant)
    estimate = mean.estimate(bounds=_bounds(match.task)) if mean else None
    base = next((e.result.baseline.test for e in side.values()), None)
    return Cell(
        task=match.name,
        contestant=contestant,
        seeds=sorted(side),
        outcomes=dict(Counter(e.result.outcome for e in side.values() if e.ran)),
        score=Score.of(match.task.spec.metric, estimate) if estimate else None,
        gain=_gain(mean.value, base.value, match.task) if mean and base else None,
        item_error=mean.item_error if mean else None,
        seed_deviation=mean.seed_deviation if mean and any(e.ran for e in side.values()) else None,
        runs={seed: side[seed].job.folder for seed in sorted(side) if side[seed].ran},
        seed_scores={
            seed: score.value for seed in sorted(side) if (score := side[seed].result.best.test) and side[seed].ran
        },
    )


def _bounds(task: Task) -> tuple[float, float] | None:
    """Return the bounds of a mean of item scores, which lie between 0 and the best value."""
    return None if task.spec.pooled else (min(0.0, task.spec.best_value), max(0.0, task.spec.best_value))


def _gain(value: float, base: float, task: Task) -> float | None:
    best = task.spec.best_value
    return None if base == best else normalized(value, base=base, best=best)


def _standing(
    contestant: Contestant,
    episodes: Sequence[Episode],
    matches: Sequence[Match],
    cells: Sequence[Cell],
    lines: Sequence[TaskLine],
    *,
    trained: bool,
) -> Standing:
    name = contestant.name
    gains = [cell.gain for cell in cells if cell.contestant == name and cell.gain is not None]
    counts = Counts.sum(episode.counts for episode in episodes)
    spread = mean_over(gains) if len(gains) > 1 else None
    return Standing(
        contestant=name,
        agent=contestant.agent_name,
        planner=next((e.result.planner for e in episodes), ""),
        tasks=sum(name in match.means for match in matches),
        gain=fmean(gains) if gains else None,
        gain_interval=(spread.low, spread.high) if spread else None,
        rank=_ranks(matches).get(name),
        first=sum(name in line.leaders for line in lines),
        runs=len(episodes),
        outcomes=dict(Counter(e.result.outcome for e in episodes)),
        **asdict(counts),
        teachers=sorted({e.teachers for e in episodes if e.teachers}),
        methods=sorted({method for e in episodes for method in e.methods}),
        tokens=sum(e.result.budget.llm.input_tokens + e.result.budget.llm.output_tokens for e in episodes),
        cost=_cost(episodes, counts.iterations),
        trained=trained,
    )


def _ranks(matches: Sequence[Match]) -> dict[str, float]:
    """Return mean ranks over the tasks on which every contestant has a score."""
    whole = [match for match in matches if len(match.means) == len(match.sides)]
    if not whole:
        return {}
    scores = {who: [match.means[who].value for match in whole] for who in whole[0].sides}
    return mean_ranks(scores, higher_is_better=[match.task.spec.higher_is_better for match in whole])


def _cost(episodes: Sequence[Episode], iterations: int) -> Cost:
    spent = [episode.result.budget for episode in episodes]
    wall_s, usd = sum(b.wall_s for b in spent), sum(b.llm.cost_usd for b in spent)
    runs = len(spent) or 1
    return Cost(
        wall_s=wall_s / runs,
        wall_s_per_iteration=wall_s / iterations if iterations else None,
        device_s=sum(b.device_s for b in spent) / runs,
        usd_per_iteration=usd / iterations if iterations else None,
        usd=usd / runs,
    )


def _courses(
    own: Sequence[Contestant], ran: Sequence[Episode], easy: Sequence[Episode], matches: Sequence[Match]
) -> list[Course]:
    """Return the course of each contestant; what needs no training has a level one, as long as the longest of them."""
    best_values = {match.name: match.task.spec.best_value for match in matches}
    courses = [_course(c, [e for e in ran if e.job.contestant == c], best_values) for c in own]
    ends = [course.points[-1][0] for course in courses if course.points]
    levels: dict[str, list[float]] = {}
    for episode in easy:
        base, answered = episode.result.baseline.validation, episode.result.best.validation
        best = best_values[episode.job.task_id]
        if base and answered and base.value != best:
            level = normalized(answered.value, base=base.value, best=best)
            levels.setdefault(episode.job.contestant.name, []).append(level)
    if ends:
        courses += [
            Course(contestant=name, points=[(0.0, fmean(found)), (max(ends), fmean(found))])
            for name, found in levels.items()
        ]
    return courses


def _course(contestant: Contestant, episodes: Sequence[Episode], best_values: Mapping[str, float]) -> Course:
    """Return the normalized score on validation of the best model so far, at evenly spaced times, mean over runs.

    ``best_values``: task -> the best value of its metric.
    """
    ends = [episode.course[-1][0] for episode in episodes]
    curves = [
        [(at, normalized(v, base=e.course[0][1], best=best_values[e.job.task_id])) for at, v in e.course]
        for e in episodes
        if e.course[0][1] != best_values[e.job.task_id]
    ]
    if not curves:
        return Course(contestant=contestant.name, points=[])
    times = np.linspace(0.0, max(ends), COURSE_POINTS).tolist()
    reached = [[max([0.0, *(g for at, g in curve if at <= time)]) for curve in curves] for time in times]
    spread = [mean_over(found) for found in reached] if len(curves) > 1 else []
    return Course(
        contestant=contestant.name,
        points=list(zip(times, map(fmean, reached), strict=True)),
        intervals=[(estimate.low, estimate.high) for estimate in spread],
    )
