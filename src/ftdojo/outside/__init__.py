"""Agents that live elsewhere: an episode is served to them over the Model Context Protocol.

A :class:`Seat` is the contestant that the environment knows; :mod:`.server` lets an outside agent move it.
"""

from ftdojo.outside.seat import AgentLeft, Seat, Watched

__all__ = ["AgentLeft", "Seat", "Watched"]
