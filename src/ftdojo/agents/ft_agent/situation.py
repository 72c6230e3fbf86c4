"""What the rules of the playbook look at, in numbers and typed diagnoses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from ftdojo.agents import forecast
from ftdojo.agents.draft import Draft
from ftdojo.agents.ft_agent import edits
from ftdojo.agents.ft_agent.continuing import in_one, last_supervised
from ftdojo.agents.ft_agent.diagnosis import Diagnosis, Kind, diagnose
from ftdojo.agents.ft_agent.effects import Change, Effect, measure
from ftdojo.contract.call import is_own_model
from ftdojo.contract.feedback import EvaluationFeedback, Feedback, SampledRows
from ftdojo.contract.protocol import Iteration, Observation, highest
from ftdojo.contract.task_spec import TaskSpec

GROWTH = 2.0
"""More of something is this much more; :data:`LAST_GROWTH` at most where no second such step would fit."""
LAST_GROWTH = 4.0
LEAST_GROWTH = 1.25
"""Less more is not worth an iteration."""
LEAST_AHEAD = 2.0
"""Of such steps there has to be time for this number, or else one takes all."""
TRIES = 4.0
"""A forecast that refuses comes early. All gates of a second try take about this many times as long as the refused
try."""
LEAST_SHARE = 0.5
"""A refusal that came later, out of the training itself, took the gates' whole time: no more than this is given up."""


@dataclass(frozen=True, slots=True)
class Situation:
    """The draft to start from, what came of it, and what time is left."""

    observation: Observation
    best: Draft
    """What a training from the base model starts from: the draft of the best iteration. If that one went on from the
    weights of earlier ones, it is the training that would have done the same in one step."""
    iteration: Iteration
    evaluation: EvaluationFeedback
    feedback: Feedback
    diagnoses: list[Diagnosis]
    tried: Mapping[int, Draft]
    """The drafts of earlier iterations."""
    effects: Mapping[Change, Effect]
    """What changes did to the score, by change."""

    @classmethod
    def of(cls, observation: Observation, tried: Mapping[int, Draft]) -> Self:
        """From the best iteration, or the one that got furthest from there; while none was accepted, from the highest
        score; without one, from the last."""
        chosen = _furthest(observation, tried)
        evaluation = chosen.feedback.evaluation or observation.baseline
        return cls(
            observation=observation,
            best=in_one(chosen.number, tried, observation),
            iteration=chosen,
            evaluation=evaluation,
            feedback=chosen.feedback,
            diagnoses=diagnose(evaluation, chosen.feedback, observation.task, observation.trivial),
            tried=tried,
            effects={e.change: e for e in measure(observation, tried, start=chosen.number)},
        )

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
    def at_best(self) -> bool:
        """Whether no model could be shown to be better: the metric's best value is no farther from the score than half
        the length of its interval. (Near the end of the range the score does not lie in the middle of it.)"""
        low, high = self.evaluation.score.interval
        return abs(self.spec.best_value - self.evaluation.score.value) <= (high - low) / 2

    @property
    def above_base(self) -> bool:
        """Whether the model scores higher than the untouched base model."""
        gap = self.evaluation.score.value - self.observation.baseline.score.value
        return gap > 0 if self.spec.higher_is_better else gap < 0

    @property
    def can_go_on(self) -> bool:
        """Whether a training may go on from the weights of this iteration: not if its model is worse than the best."""
        kept = _lead(self.iteration, self.spec) >= 0 or _may_overtake(self.iteration, self.own, self.spec)
        return kept and self.observation.warm_start and self.own.train.facts.continues

    @property
    def own(self) -> Draft:
        """The draft of the iteration as it was handed in."""
        return self.tried[self.iteration.number]

    @property
    def supervised(self) -> Draft:
        """The draft of the last step to the best model that learned from right answers."""
        return last_supervised(self.iteration.number, self.tried, self.observation)

    @property
    def asks_itself(self) -> bool:
        """Whether recipes may ask the run's own models."""
        return any(map(is_own_model, self.observation.data_llm.values()))

    @property
    def headroom(self) -> SampledRows | None:
        """How often samples of this model are right on raw rows; of the base model where this one was not measured."""
        return self.feedback.headroom or self.observation.headroom

    @property
    def level(self) -> Iteration | None:
        """An evaluated training with more rows or passes than the best model's that is not shown to be better."""
        for i in self.observation.history:
            draft = self.tried.get(i.number)
            if draft is None or not draft.supervised or i.score is None or i.accepted or not i.plan:
                continue
            if i.plan.parent == self.iteration.number and (
                i.start == self.iteration.number
                or forecast.estimate_work(draft, self.observation) > forecast.estimate_work(self.best, self.observation)
            ):
                return i
        return None

    @property
    def continuations(self) -> int:
        """How many trainings on right answers went on from this iteration's weights."""
        return sum(
            i.start == self.iteration.number and i.number in self.tried and self.tried[i.number].supervised
            for i in self.observation.history
        )

    @property
    def further(self) -> float:
        """How many times as long as it did the last step should go on: as long as all steps so far, since what a model
        learns grows with the logarithm of its training; or for all the time that is left, if the step after that would
        be short."""
        return self.stretch if self.takes_all else self._again

    @property
    def takes_all(self) -> bool:
        """Whether a training that goes on from here takes all the time that is left."""
        return self.stretch < LEAST_AHEAD * self._again

    @property
    def _again(self) -> float:
        """All trainings up to this one, in multiples of the last one of them."""
        return forecast.estimate_work(self.best, self.observation) / forecast.estimate_work(self.own, self.observation)

    @property
    def stretch(self) -> float:
        """How many times as long as it did the training of this iteration could take in the time that is left."""
        return forecast.affordable_factor(self.iteration, self.observation.remaining.get("wall_s", math.inf))

    @property
    def growth(self) -> float:
        """By how much the rows can grow: as a rule they double; the last time they take what time is left."""
        left = self.observation.remaining.get("wall_s", math.inf)
        after = left - forecast.predict_s(self.iteration, GROWTH)
        if after >= forecast.predict_s(self.iteration, GROWTH**2):
            return GROWTH
        return max(LEAST_GROWTH, min(LAST_GROWTH, self.stretch))

    @property
    def fits(self) -> float | None:
        """The share of the training that fits into the time, if it was refused because all of it does not.

        What fitted when it was refused does not fit any more: the gates will take time from the next try, too.
        """
        fitted = min((f.fits for f in self.feedback.execution.findings if f.fits is not None), default=None)
        if fitted is None:
            return None
        took = self.feedback.execution.seconds
        left = max(1.0, self.observation.remaining.get("wall_s", math.inf) - self.observation.evaluate_s)
        return fitted * max(LEAST_SHARE, 1 - TRIES * (took.data + took.train) / left)

    def affords(self, draft: Draft) -> bool:
        """Whether an iteration with ``draft`` is forecast to fit into the remaining wall clock."""
        if self.fits is not None:
            return forecast.estimate_work(draft, self.observation) <= self.fits * forecast.estimate_work(
                self.own, self.observation
            )
        left = self.observation.remaining.get("wall_s")
        expected = forecast.seconds(draft, self.own, self.iteration, self.observation)
        return left is None or expected is None or expected < left


def _furthest(observation: Observation, tried: Mapping[int, Draft]) -> Iteration:
    """The iteration to start from. A training that scores higher than the best model, but too little to be shown
    better, is not lost: the next one goes on from its weights, whether it went on from the best model or began anew.
    So does one with reasoning that is not shown to be worse."""
    spec, history = observation.task, [iteration for iteration in observation.history if iteration.number in tried]
    if observation.best not in tried:
        return highest(history, spec) or history[-1]
    chosen, lead = observation.history[observation.best - 1], 0.0
    for iteration in history:  # oldest first, so that a chain is followed to its end
        began_anew = observation.warm_start and iteration.start is None and iteration.number > observation.best
        leads = (began_anew or iteration.start == chosen.number) and _lead(iteration, spec) > lead
        if leads or (began_anew and _may_overtake(iteration, tried[iteration.number], spec)):
            chosen, lead = iteration, _lead(iteration, spec)
    return chosen


def _may_overtake(iteration: Iteration, draft: Draft, spec: TaskSpec) -> bool:
    """Whether a training with reasoning is not shown to be worse than the best one: it has more to learn than one with
    answers alone, so what it scores after as many rows is less than what it will."""
    decision = iteration.decision
    if decision is None or decision.guard or edits.values(draft, spec).get(edits.RENDERING) != edits.RATIONALE:
        return False
    return decision.difference.high >= 0 if spec.higher_is_better else decision.difference.low <= 0


def _lead(iteration: Iteration, spec: TaskSpec) -> float:
    """By how much a model was better than the best one of its time, on the items that both answered; minus infinity if
    it was not evaluated, or is better and was refused because it loses too much on guard tasks."""
    decision = iteration.decision
    if decision is None or (decision.guard and not decision.accepted):
        return -math.inf
    difference = decision.difference.value
    return difference if spec.higher_is_better else -difference
