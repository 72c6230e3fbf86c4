"""Base models: from a name to a local folder, what can be known of a model without loading it, and what training and
generation share when they run one: the machine's precision, the chat template, work done once for a common prefix.
"""

from ftdojo.models.chat import Chat
from ftdojo.models.device import Compute, available_memory, compute, devices
from ftdojo.models.info import describe, digest, linear_modules
from ftdojo.models.locate import EMBEDDED, embedded_weights, find, resolve

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
    "linear_modules",
    "resolve",
]
