"""Engines that generate."""

from ftdojo.inference.engine import ENGINE, Generation, TransformersEngine

__all__ = ["ENGINE", "Generation", "TransformersEngine"]
