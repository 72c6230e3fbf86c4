"""Agents outside ftdojo: an episode is served to them over the Model Context Protocol.

A :class:`Seat` is the contestant that the environment sees; through :mod:`.server` an outside agent controls it;
:class:`StartedAgent` is an outside agent that ftdojo starts itself.
"""

from ftdojo.outside.seat import AgentLeft, Seat, Watched
from ftdojo.outside.started import StartedAgent, parse_command

__all__ = ["AgentLeft", "Seat", "StartedAgent", "Watched", "parse_command"]
