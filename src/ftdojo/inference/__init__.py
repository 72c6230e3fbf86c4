"""Engines that generate. Torch is imported when an engine is made, not by these names."""

from ftdojo.inference.engine import Generation, TransformersEngine
from ftdojo.inference.engines import ENGINES, Engine, identity, opened
from ftdojo.inference.served import ServedEngine

__all__ = ["ENGINES", "Engine", "Generation", "ServedEngine", "TransformersEngine", "identity", "opened"]
