"""Calls to language models that support a run: typed, bounded, metered and recorded. Not the models being trained."""

from ftdojo.llm.bounded import require_address
from ftdojo.llm.client import Client, Patience
from ftdojo.llm.connect import connect
from ftdojo.llm.form import Blocks, Form, JsonForm, Prose, Unusable
from ftdojo.llm.prompt import Prompt, quoted
from ftdojo.llm.replay import Lookup, Replay
from ftdojo.llm.transport import Request, Transport

__all__ = [
    "Blocks",
    "Client",
    "Form",
    "JsonForm",
    "Lookup",
    "Patience",
    "Prompt",
    "Prose",
    "Replay",
    "Request",
    "Transport",
    "Unusable",
    "connect",
    "quoted",
    "require_address",
]
