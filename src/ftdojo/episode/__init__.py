"""An episode: submissions in; gates, training, evaluation, feedback, acceptance; one sealed test at the end."""

from ftdojo.episode.episode import Dojo, run_episode
from ftdojo.episode.verdict import validate

__all__ = ["Dojo", "run_episode", "validate"]
