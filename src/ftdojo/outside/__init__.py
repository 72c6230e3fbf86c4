"""Agents that live elsewhere: an episode is served to them over the Model Context Protocol.

A :class:`Seat` is the contestant that the environment knows; :mod:`.server` lets an outside agent move it;
:class:`StartedAgent` is one that ftdojo starts itself.
"""

from ftdojo.outside.seat import AgentLeft, Seat, Watched
from ftdojo.outside.started import StartedAgent, program_of

__all__ = ["AgentLeft", "Seat", "StartedAgent", "Watched", "program_of"]
