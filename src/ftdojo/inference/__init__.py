"""Inference engines. Importing this package does not import torch; making an engine does."""

from ftdojo.inference.engine import TransformersEngine
from ftdojo.inference.engines import ENGINES, TRANSFORMERS, identity, open_engine
from ftdojo.inference.opening import Opener, open_changed, open_model
from ftdojo.inference.protocol import Engine, EnginePlugin, Generation
from ftdojo.inference.served import ServedEngine

__all__ = [
    "ENGINES",
    "TRANSFORMERS",
    "Engine",
    "EnginePlugin",
    "Generation",
    "Opener",
    "ServedEngine",
    "TransformersEngine",
    "identity",
    "open_changed",
    "open_engine",
    "open_model",
]
