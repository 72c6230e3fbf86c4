"""Models that were trained in several steps, each of which went on from the weights of the one before."""

from __future__ import annotations

from collections.abc import Mapping

from ftdojo.agents import forecast
from ftdojo.agents.draft import Draft
from ftdojo.contract.call import START
from ftdojo.contract.method_config import BASE
from ftdojo.contract.protocol import Observation
from ftdojo.contract.recipe import Recipe, Sample


def in_one(number: int, drafts: Mapping[int, Draft], observation: Observation) -> Draft:
    """The one training from the base model that passes as many rows as all steps to an iteration's model did.

    It has the settings of the first step, and the data and the schedule of the last one. A model that was trained in
    one step has its own draft. Steps that learned from preferences are left out if any learned from right answers, and
    no answers are drawn of a model to which there is no step.

    Args:
        number: of the iteration.
        drafts: the drafts of earlier iterations; a step that is not among them is left out.
        observation: says from which iteration each one started.
    """
    last = drafts[number]
    steps, before = [last], observation.history[number - 1].start
    while before is not None:
        if before in drafts:
            steps.insert(0, drafts[before])
        before = observation.history[before - 1].start
    steps = [step for step in steps if step.supervised] or steps
    last = steps[-1]
    if last.train.start == BASE or not last.supervised:
        return last
    passes = sum(forecast.estimate_work(step, observation) for step in steps)
    epochs = round(passes / forecast.count_rows(last, observation), 2)
    first = steps[0].train.model_dump(exclude={"start", "epochs"})
    program = last.program
    if isinstance(program, Recipe) and program.asks == START:
        program = program.model_copy(update={"sample": Sample()})
    return Draft(program, last.train.model_validate({**first, "epochs": epochs, "schedule": last.train.schedule}))


def last_supervised(number: int, drafts: Mapping[int, Draft], observation: Observation) -> Draft:
    """The draft of the last step to an iteration's model that learned from right answers; its own if none did."""
    step: int | None = number
    while step is not None:
        if step in drafts and drafts[step].supervised:
            return drafts[step]
        step = observation.history[step - 1].start
    return drafts[number]
