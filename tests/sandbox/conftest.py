"""Shared by the tests of this room: a sandbox to run small programs in."""

from sandbox_fixtures import alive, execute, inputs, marker, output

__all__ = ["alive", "execute", "inputs", "marker", "output"]
