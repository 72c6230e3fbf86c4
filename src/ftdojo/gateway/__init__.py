"""The one way out of the sandbox: a socket to language models, within the run's budget and recorded.

:mod:`~ftdojo.gateway.server` speaks HTTP on the socket, :mod:`~ftdojo.gateway.pools` looks up a request, reserves its
cost, sends and records it, :mod:`~ftdojo.gateway.judge` scores answers in its own process, and
:mod:`~ftdojo.gateway.ftdojo_llm` is the module that data programs import.
"""

from ftdojo.gateway.access import Access, DataLlm
from ftdojo.gateway.judge import Judge
from ftdojo.gateway.pools import CONCURRENCY, Pools
from ftdojo.gateway.server import Gateway

__all__ = ["CONCURRENCY", "Access", "DataLlm", "Gateway", "Judge", "Pools"]
