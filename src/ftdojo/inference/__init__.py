"""Engines that generate. Torch is imported when an engine is made, not by these names."""

from ftdojo.inference.engine import ENGINE, Generation, TransformersEngine

__all__ = ["ENGINE", "Generation", "TransformersEngine"]
