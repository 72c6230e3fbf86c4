"""Engines that generate. Torch is imported when an engine is made, not by these names."""

from ftdojo.inference.engine import TransformersEngine
from ftdojo.inference.engines import ENGINES, TRANSFORMERS, identity, opened
from ftdojo.inference.protocol import Engine, EnginePlugin, Generation
from ftdojo.inference.served import ServedEngine

__all__ = [
    "ENGINES",
    "TRANSFORMERS",
    "Engine",
    "EnginePlugin",
    "Generation",
    "ServedEngine",
    "TransformersEngine",
    "identity",
    "opened",
]
