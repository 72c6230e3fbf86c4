"""The live page: runs and contests as they go, in a browser of this machine. Built on the record alone."""

from ftdojo.ui.server import Server

__all__ = ["Server"]
