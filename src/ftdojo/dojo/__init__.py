"""FT-Dojo, the environment: submissions in, gates, training, evaluation, feedback, acceptance, sealed test."""

from ftdojo.dojo.data_llm import DataLlm
from ftdojo.dojo.episode import Dojo, run_episode
from ftdojo.dojo.protocol import Agent, Iteration, Observation
from ftdojo.dojo.validate import validate

__all__ = ["Agent", "DataLlm", "Dojo", "Iteration", "Observation", "run_episode", "validate"]
