"""The playbook: the practice of fine-tuning written as rules over typed diagnoses. No LLM.

It begins with a small pilot that measures speed and shows what is wrong. Afterwards each iteration starts from the
best model so far and makes the first move that a diagnosis calls for, that was not tried before, and that fits into
what is left of the budget. A move names the numbers it rests on and what it should do to them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ftdojo.agents import draft as drafts
from ftdojo.agents import forecast
from ftdojo.agents.draft import Draft, Proposal
from ftdojo.agents.ft_agent import edits
from ftdojo.agents.ft_agent.diagnosis import PARSED_ENOUGH, Diagnosis, Kind, diagnose, told
from ftdojo.agents.ft_agent.effects import Change, Effect, amount, measure
from ftdojo.dojo.feedback import EvaluationFeedback, Feedback
from ftdojo.dojo.protocol import Iteration, Observation
from ftdojo.dojo.recipe import Recipe
from ftdojo.dojo.submission import Plan, PlannedChange
from ftdojo.tasks.spec import TaskSpec
from ftdojo.training import OUT_OF_TIME

PILOT_ROWS = 1024
"""Enough rows to learn an answer's form."""
PILOT_SHARE = 0.125
"""The pilot may train for this share of the wall clock that is left; on a slow machine it has fewer rows."""
GROWTH = 2.0
"""More of something is this much more; :data:`LAST_GROWTH` at most where no second such step would fit."""
LAST_GROWTH = 4.0
LEAST_GROWTH = 1.25
"""Less more is not worth an iteration."""
MIN_ROWS = 64
PILOT_TRAIN: dict[str, Any] = {
    "method": "lora",
    "learning_rate": 1e-3,
    "epochs": 1,
    "batch_size": 8,
    "max_length": 1024,
    "eval_fraction": 0.06,
    "lora": {"rank": 16, "alpha": 32},
}
RATIONALE = "rationale"
"""How tasks name a rendering that holds the reasoning with the answer."""
CHARS_PER_TOKEN = 2
"""A cautious figure: an answer of so many characters a token will hardly have more tokens than that."""
BOUNDS = {
    "epochs": (0.25, 16),
    "learning_rate": (1e-5, 5e-3),
    "batch_size": (1, 256),
    "max_length": (16, 32_768),
    "rank": (1, 64),
    "max_rows": (MIN_ROWS, 100_000),
}
"""Within these the practice holds; a move that would leave them is not made."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What the rules look at: the draft to start from, what came of it, and what time is left."""

    observation: Observation
    best: Draft
    iteration: Iteration
    evaluation: EvaluationFeedback
    feedback: Feedback
    diagnoses: list[Diagnosis]
    tried: Mapping[int, Draft]
    """The drafts of earlier iterations."""
    effects: Mapping[Change, Effect]
    """What changes did to the score, by change."""

    def gain(self, change: Change, much: float) -> float:
        """What a change is estimated to gain, negative if it loses; 0 if it was not measured."""
        better = 1 if self.observation.task.higher_is_better else -1
        return better * much * self.effects[change].value if change in self.effects else 0.0

    @property
    def spec(self) -> TaskSpec:
        """The task."""
        return self.observation.task

    def of_kind(self, *kinds: Kind) -> list[Diagnosis]:
        """The diagnoses of these kinds."""
        return [d for d in self.diagnoses if d.kind in kinds]

    @property
    def growth(self) -> float:
        """By how much the rows can grow: as a rule they double; the last time they take what time is left."""
        left = self.observation.remaining.get("wall_s", math.inf)
        after = left - forecast.longer(self.iteration, GROWTH)
        if after >= forecast.longer(self.iteration, GROWTH**2):
            return GROWTH
        return max(LEAST_GROWTH, min(LAST_GROWTH, forecast.room(self.iteration, left)))

    @property
    def fits(self) -> float | None:
        """The share of the training that fits into the time, if it was refused because all of it does not."""
        return min((f.fits for f in self.feedback.execution.findings if f.fits is not None), default=None)

    def affords(self, draft: Draft) -> bool:
        """Whether an iteration with ``draft`` is forecast to fit into the remaining wall clock."""
        if self.fits is not None:
            return forecast.work(draft, self.observation) <= self.fits * forecast.work(self.best, self.observation)
        left = self.observation.remaining.get("wall_s")
        expected = forecast.seconds(draft, self.best, self.iteration, self.observation)
        return left is None or expected is None or expected < left


@dataclass(frozen=True, slots=True)
class Move:
    """One change to the best draft, with its reasons."""

    draft: Draft
    hypothesis: str
    evidence: str
    changes: tuple[PlannedChange, ...]


Rule = Callable[[Situation], Iterator[Move]]


class Playbook:
    """The planner without an LLM."""

    name = "playbook"

    def __init__(self, rules: Sequence[Rule] | None = None) -> None:
        """Plan by ``rules``, all of :data:`RULES` if there are none."""
        self._rules = RULES if rules is None else rules

    def plan(self, observation: Observation) -> Proposal | None:
        """The pilot, then one move an iteration; ``None`` when no rule has an untried, affordable move left."""
        return next(self.plans(observation), None)

    def plans(self, observation: Observation) -> Iterator[Proposal]:
        """All plans that the rules would make now, the most urgent first."""
        every = drafts.read_all(observation.submissions)
        tried = {number: draft for number, draft in every.items() if isinstance(draft.program, Recipe)}
        if not tried:
            yield pilot(observation)
            return
        situation, offered = _situation(observation, tried), list(tried.values())
        for rule in self._rules:
            for move in rule(situation):
                if move.draft not in offered and situation.affords(move.draft):
                    offered.append(move.draft)
                    yield Proposal(_plan(situation, move), move.draft)


def pilot(observation: Observation) -> Proposal:
    """The first iteration: all sources, moderate training, in an eighth of the time."""
    spec, base = observation.task, observation.baseline
    affordable = int(_pilot_s(observation) * observation.train_rows_per_s / PILOT_TRAIN["epochs"])
    rows = max(MIN_ROWS, min(PILOT_ROWS, affordable))
    draft = drafts.first(spec, rows=rows, seed=observation.seed, train=PILOT_TRAIN)
    changes = [
        PlannedChange(
            key="recipe.sources",
            before="none",
            after=f"{len(draft.recipe.sources)} raw files, answers rendered in the scorer's form",
            because=f"the base model's outputs have that form in {base.parsed:.0%} of the items",
            expected="nearly all outputs have the answer's form",
        ),
        PlannedChange(
            key="train",
            before="untouched",
            after=f"LoRA rank 16, learning rate 1e-3, one epoch of {draft.recipe.max_rows} rows",
            because="a pilot of moderate size shows fit and speed before time is spent on more",
            expected="the loss falls and levels off",
        ),
    ]
    plan = Plan(
        parent=0,
        hypothesis="the base model does not know the answer's form; teaching the form alone gains most",
        evidence=[f"baseline: {base.score}, parsed {base.parsed:.0%}, errors: {told(base.errors)}"],
        focus="both",
        changes=changes,
        by=Playbook.name,
    )
    return Proposal(plan, draft)


def _pilot_s(observation: Observation) -> float:
    """Seconds of training for the pilot: not less than what an iteration takes beside it, and all that there are if no
    larger iteration could follow."""
    left, beside = observation.remaining.get("wall_s", observation.task.rules.wall_s), forecast.beside(observation)
    seconds = max(PILOT_SHARE * left, beside)
    followed = left - (seconds + beside) >= GROWTH * seconds + beside
    return seconds if followed else max(0.0, left / forecast.RESERVE - beside)


def _situation(observation: Observation, drafts_by_number: Mapping[int, Draft]) -> Situation:
    """Start from the best iteration; while none was accepted, from the highest score; without one, from the last."""
    history = [iteration for iteration in observation.history if iteration.number in drafts_by_number]
    sign = 1 if observation.task.higher_is_better else -1
    scored = [i for i in history if i.score is not None]
    if observation.best in drafts_by_number:
        chosen = observation.history[observation.best - 1]
    else:
        chosen = max(scored, key=lambda i: sign * i.score.value if i.score else 0.0) if scored else history[-1]
    evaluation = chosen.feedback.evaluation or observation.baseline
    return Situation(
        observation=observation,
        best=drafts_by_number[chosen.number],
        iteration=chosen,
        evaluation=evaluation,
        feedback=chosen.feedback,
        diagnoses=diagnose(evaluation, chosen.feedback),
        tried=drafts_by_number,
        effects={e.change: e for e in measure(observation, drafts_by_number, start=chosen.number)},
    )


def _plan(s: Situation, move: Move) -> Plan:
    areas = {change.key.split(".")[0] for change in move.changes}
    return Plan(
        parent=s.iteration.number,
        hypothesis=move.hypothesis,
        evidence=[move.evidence, *(f"iteration {i.number}: {i.verdict}" for i in s.observation.history[-3:])],
        focus="both" if len(areas) > 1 else "data" if areas == {"recipe"} else "training",
        changes=list(move.changes),
        by=Playbook.name,
    )


# -- the rules, in the order in which they are asked -------------------------------------------------------------


def repair(s: Situation) -> Iterator[Move]:
    """Nothing was evaluated yet because a gate failed, or the training was unstable: take out what made it fail."""
    findings = s.feedback.execution.findings
    codes = {f.code for f in findings if f.severity == "error" or f.code == OUT_OF_TIME}
    evidence = "; ".join(f"{f.code}: {f.message}" for f in findings if f.code in codes)[:400]
    if codes & {"loss_not_finite", "diverged"} or s.of_kind("unstable"):
        yield from _train(
            s, evidence or s.of_kind("unstable")[0].evidence, "learning_rate", 0.3, "the loss stays finite and falls"
        )
    if codes & {"over_budget", OUT_OF_TIME}:
        less = 0.5 if s.fits is None else s.fits / forecast.RESERVE
        yield from _train(s, evidence, "epochs", less, "the training fits into the budget")
        yield _rows_move(s, evidence, less, "the training fits into the budget")
    if "no_learning" in codes:
        yield from _train(s, evidence, "learning_rate", 3.0, "the loss falls at all")
    if codes & {"no_labels", "mostly_truncated"}:
        yield from _train(s, evidence, "max_length", 2, "rows keep their completions")
    if "answers_too_long" in codes:
        chars = CHARS_PER_TOKEN * s.observation.task.max_new_tokens
        yield _recipe(s, evidence, "max_completion_chars", chars, "answers end within the task's limit of tokens")
    if "constant_answer" in codes:
        yield _recipe(s, evidence, "balance", "completion", "the answers of the rows differ")
    if "duplicate_rows" in codes:
        yield _recipe(s, evidence, "deduplicate", True, "every row is different")
    if "out_of_memory" in codes:
        yield from _train(s, evidence, "batch_size", 0.5, "the training fits into memory")


def form(s: Situation) -> Iterator[Move]:
    """Outputs lack the answer's form: no answers to learn from that are too long to be said, and a longer look."""
    limit = s.spec.max_new_tokens
    for found in s.of_kind("truncation"):
        longest = s.feedback.data.label_tokens.max if s.feedback.data else 0
        if longest > limit:
            evidence = f"{found.evidence}; answers in the rows have up to {longest} tokens, outputs are cut at {limit}"
            chars = CHARS_PER_TOKEN * limit
            yield _recipe(s, evidence, "max_completion_chars", chars, "outputs end before they are cut")
    for found in s.of_kind("truncation", "format", "length_mismatch"):
        yield from _more_rows(s, found.evidence)
        yield from _train(s, found.evidence, "epochs", 2.0, "outputs have the form and the length of the answers")


def under_fit(s: Situation) -> Iterator[Move]:
    """The loss was still falling: more data if there is some, then more steps, rate and rank."""
    for found in s.of_kind("under_fit"):
        yield from _more_rows(s, found.evidence)
        yield from _train(s, found.evidence, "epochs", 2.0, "the held-out loss falls further")
        yield from _train(s, found.evidence, "learning_rate", 2.0, "the same loss is reached in fewer steps")
        yield from _more_rank(s, found.evidence)


def over_fit(s: Situation) -> Iterator[Move]:
    """The held-out loss rose: more rows if there are some, else fewer epochs."""
    for found in s.of_kind("over_fit"):
        yield from _more_rows(s, found.evidence)
        yield from _train(s, found.evidence, "epochs", 0.5, "the held-out loss stays at its minimum")


def noisy_labels(s: Situation) -> Iterator[Move]:
    """Rows contradict each other: keep one answer a prompt."""
    for found in s.of_kind("noisy_labels"):
        if not s.best.recipe.deduplicate:
            yield _recipe(s, found.evidence, "deduplicate", True, "the loss falls further")


def weak_subtasks(s: Situation) -> Iterator[Move]:
    """A sub-task lags behind, or hardly occurs: balance its answers if they have the right form, else give it more of
    the rows."""
    known = {source.subtask: source.weight for source in s.best.recipe.sources}
    for found in s.of_kind("distribution_mismatch", "weak_subtask"):
        by_habit = s.evaluation.subtask_parsed[found.subtask] >= PARSED_ENOUGH
        if by_habit and s.best.recipe.balance == "none":
            yield _recipe(s, found.evidence, "balance", "completion", f"{found.subtask} stops answering by habit")
        if found.subtask in known:
            before = known[found.subtask]
            yield Move(
                draft=s.best.with_source(found.subtask, weight=2 * before),
                hypothesis=f"{found.subtask} is weak because it has too small a share of the rows",
                evidence=found.evidence,
                changes=(
                    PlannedChange(
                        key=f"recipe.sources.{found.subtask}.weight",
                        before=f"{before:g}",
                        after=f"{2 * before:g}",
                        because=found.evidence,
                        expected=f"{found.subtask} gains more than the other sub-tasks lose",
                    ),
                ),
            )


def reason(s: Situation) -> Iterator[Move]:
    """Answers have the form and many are wrong: teach the reasoning too, where the raw rows have some short enough."""
    for found in s.of_kind("missing_rationale"):
        if RATIONALE not in edits.renderings(s.spec):
            return
        shortest = min(s.best.recipe.max_completion_chars, CHARS_PER_TOKEN * s.spec.max_new_tokens)
        changed = [(edits.RENDERING, RATIONALE), ("recipe.max_completion_chars", str(shortest))]
        yield _compound(
            s,
            edits.apply(s.best, s.spec, changed),
            "the model answers without reasoning because the rows show none",
            found.evidence,
            "fewer wrong answers, longer outputs",
        )


def explore(s: Situation) -> Iterator[Move]:
    """Nothing is plainly wrong: more of what made the best model, then its neighbours."""
    evidence = f"evaluation: no diagnosis explains what is missing at {s.evaluation.score}"
    yield from _more_rows(s, evidence)
    yield from _train(s, evidence, "epochs", 2.0, "a small gain from longer training")
    yield from _more_rank(s, evidence)
    yield from _train(s, evidence, "learning_rate", 2.0, "a better minimum in the same number of steps")
    yield from _train(s, evidence, "learning_rate", 0.5, "a better minimum with smaller steps")


def follow(s: Situation) -> Iterator[Move]:
    """Changes that seem to help, too little to be shown one by one: all of them at once, then twice as far."""
    helpful = [e for e in s.effects.values() if max(s.gain(e.change, much) for much in e.trials.values()) > 0]
    if not helpful:
        return
    evidence = "; ".join(map(str, helpful))
    for steps in (1, 2):
        draft = edits.apply(s.best, s.spec, [(e.change.key, moved) for e in helpful if (moved := _moved(s, e, steps))])
        yield _compound(
            s, draft, "changes that seemed to help one by one help together", evidence, "the sum of the effects"
        )


def _moved(s: Situation, effect: Effect, steps: int) -> str:
    """The value of a key some steps in the direction in which it helps; empty where the practice ends."""
    key, name = effect.change.key, effect.change.key.rpartition(".")[2]
    if effect.change.to is not None:
        return effect.change.to
    value = edits.scaled(s.best, s.spec, key, 2.0 ** (steps if s.gain(effect.change, 1.0) > 0 else -steps))
    low, high = BOUNDS.get(name, (0.0, math.inf))
    return f"{value:.10g}" if low <= value <= high else ""


def ablate(s: Situation) -> Iterator[Move]:
    """The best draft changed several things at once: take back the one that is least likely to have helped."""
    parent = s.tried.get(s.iteration.plan.parent) if s.iteration.plan else None
    if parent is None:
        return
    made = edits.differences(parent, s.best, s.spec)
    gains = {key: s.gain(*amount(key, *pair)) for key, pair in made.items()}
    if len(gains) > 1:
        key = min(gains, key=lambda k: gains[k])
        evidence = "; ".join(str(e) for e in s.effects.values() if s.iteration.number in e.trials)
        draft = edits.apply(s.best, s.spec, [(key, made[key][0])])
        yield _compound(
            s, draft, f"the gain of iteration {s.iteration.number} is not due to {key}", evidence, "no loss"
        )


def _compound(s: Situation, draft: Draft, hypothesis: str, evidence: str, expected: str) -> Move:
    made = edits.differences(s.best, draft, s.spec)
    return Move(
        draft=draft,
        hypothesis=hypothesis,
        evidence=evidence,
        changes=tuple(_change(key, before, after, evidence, expected) for key, (before, after) in made.items()),
    )


RULES: tuple[Rule, ...] = (
    repair,
    form,
    over_fit,
    under_fit,
    noisy_labels,
    weak_subtasks,
    reason,
    explore,
    follow,
    ablate,
)
ATTRIBUTION: tuple[Rule, ...] = (follow, ablate)
"""The rules that rest on measured effects."""


def _more_rows(s: Situation, evidence: str) -> Iterator[Move]:
    used = s.feedback.data.rows if s.feedback.data else 0
    if (
        used >= s.best.recipe.max_rows * 0.95
        and forecast.rows(s.best.with_recipe(max_rows=10**6), s.observation) > used
    ):
        yield _rows_move(s, evidence, s.growth, "the held-out loss falls, the gap to the training loss does not grow")


def _more_rank(s: Situation, evidence: str) -> Iterator[Move]:
    lora = s.best.train.lora
    if s.best.train.method == "lora" and lora is not None and lora.rank < 64:
        wider = lora.model_copy(update={"rank": 2 * lora.rank, "alpha": 2 * lora.alpha})
        yield Move(
            draft=s.best.with_train(lora=wider.model_dump()),
            hypothesis="the adapter is too narrow to hold what the rows teach",
            evidence=evidence,
            changes=(_change("train.lora.rank", lora.rank, wider.rank, evidence, "the training loss ends lower"),),
        )


def _rows_move(s: Situation, evidence: str, factor: float, expected: str) -> Move:
    limit = s.spec.rules.max_rows
    return _recipe(s, evidence, "max_rows", min(limit, max(MIN_ROWS, int(s.best.recipe.max_rows * factor))), expected)


def _recipe(s: Situation, evidence: str, key: str, value: int | str | bool, expected: str) -> Move:
    before = getattr(s.best.recipe, key)
    return Move(
        draft=s.best.with_recipe(**{key: value}),
        hypothesis=f"{key.replace('_', ' ')} of {before} holds the model back; {value} is better",
        evidence=evidence,
        changes=(_change(f"recipe.{key}", before, value, evidence, expected),),
    )


def _train(s: Situation, evidence: str, key: str, factor: float, expected: str) -> Iterator[Move]:
    before = getattr(s.best.train, key)
    value = type(before)(before * factor)
    low, high = BOUNDS[key]
    if not low <= value <= high:
        return
    yield Move(
        draft=s.best.with_train(**{key: value}),
        hypothesis=f"{key.replace('_', ' ')} of {before:g} is too {'low' if factor > 1 else 'high'}",
        evidence=evidence,
        changes=(_change(f"train.{key}", before, value, evidence, expected),),
    )


def _change(key: str, before: object, after: object, because: str, expected: str) -> PlannedChange:
    return PlannedChange(key=key, before=str(before), after=str(after), because=because, expected=expected)
