"""``tpe``: the tree-structured Parzen estimator (Bergstra et al. 2011, NeurIPS 24), as implemented in Optuna."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ftdojo.agents import draft as drafts
from ftdojo.agents.baselines.search import Search
from ftdojo.agents.baselines.space import Choice, Point, Space, Span
from ftdojo.contract.protocol import Observation
from ftdojo.errors import PrerequisiteError
from ftdojo.extras import install_command

STARTUP = 4
"""Random trials before the estimator is used. Optuna's default of ten would fill a whole short run."""


class Tpe(Search):
    """Draws every trial where good trials are dense and bad ones are not.

    Allowed to know: what random search may know, and the validation score of every earlier trial. A trial that a
    gate stopped counts as worse than any score. It sees no other feedback: no curves, no error classes, no findings.
    """

    name = "tpe"

    def points(self, space: Space, observation: Observation) -> Iterator[Point]:
        """Yield the study's suggestions; an unused one is reported as failed, which the estimator ignores."""
        optuna = _optuna()
        states = optuna.trial.TrialState
        distributions = {name: _distribution(dimension) for name, dimension in space.dimensions.items()}
        # The seed differs from trial to trial: otherwise a rebuilt study would repeat its first draws.
        seed = (observation.seed * 10_007 + len(observation.history)) % 2**32
        study = optuna.create_study(
            direction="maximize" if observation.task.higher_is_better else "minimize",
            sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP),
        )
        scores = {i.number: i.score.value if i.score else None for i in observation.history}
        for number, draft in drafts.read_all(observation.submissions).items():
            study.add_trial(
                optuna.trial.create_trial(
                    params=space.point(draft).model_dump(),
                    distributions=distributions,
                    value=scores[number],
                    state=states.PRUNED if scores[number] is None else states.COMPLETE,
                )
            )
        while True:
            trial = study.ask(distributions)
            yield Point.model_validate(trial.params)
            study.tell(trial, state=states.FAIL)


def _distribution(dimension: Span | Choice) -> Any:
    distributions = _optuna().distributions
    if isinstance(dimension, Choice):
        return distributions.CategoricalDistribution(dimension.options)
    kind = distributions.IntDistribution if dimension.whole else distributions.FloatDistribution
    return kind(dimension.low, dimension.high, log=True)


def _optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError:
        raise PrerequisiteError("the agent 'tpe' needs Optuna", fix=install_command("optuna")) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
