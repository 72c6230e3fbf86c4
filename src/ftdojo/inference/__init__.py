"""Inference engines. Importing this package does not import torch; making an engine does."""

from ftdojo.inference.engine import TransformersEngine
from ftdojo.inference.engines import ENGINES, TRANSFORMERS, identity, open_changed, open_engine
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
    "open_changed",
    "open_engine",
]
