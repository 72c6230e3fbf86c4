"""Base models: find one by name, describe it without loading it, and run it for training or generation (the machine's
precision, the chat template, computing a common prefix once).
"""

from ftdojo.models.chat import Chat, token_counter
from ftdojo.models.device import Compute, available_memory, compute, devices
from ftdojo.models.info import describe, digest, linear_modules, weight_files
from ftdojo.models.locate import EMBEDDED, embedded_weights, find, find_recorded, resolve, resolve_recorded
from ftdojo.models.preflight import require_trainable
from ftdojo.models.prompting import set_prompting

__all__ = [
    "EMBEDDED",
    "Chat",
    "Compute",
    "available_memory",
    "compute",
    "describe",
    "devices",
    "digest",
    "embedded_weights",
    "find",
    "find_recorded",
    "linear_modules",
    "require_trainable",
    "resolve",
    "resolve_recorded",
    "set_prompting",
    "token_counter",
    "weight_files",
]
