"""Contestants to compare an agent with: no training, one training by hand, and two searches that no reasoning guides.

They take the same door as every agent, under the same budget and gates, and each says in its docstring what it may
know. All of them are functions of the observation: a run that was killed goes on as it would have.
"""

from ftdojo.agents.baselines.base import Base
from ftdojo.agents.baselines.random_search import RandomSearch
from ftdojo.agents.baselines.single_shot import SingleShot
from ftdojo.agents.baselines.tpe import Tpe

__all__ = ["Base", "RandomSearch", "SingleShot", "Tpe"]
