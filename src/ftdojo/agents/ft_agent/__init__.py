"""FT-Agent: plan an iteration from typed diagnoses, write it down as a submission, learn from what came of it."""

from ftdojo.agents.ft_agent.agent import FTAgent

__all__ = ["FTAgent"]
