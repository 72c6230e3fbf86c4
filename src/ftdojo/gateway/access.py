"""Access of one run's data programs to language models: pools, charged to the run's budget, in the run's record."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ftdojo import sandbox
from ftdojo.contract.call import SELF, START, Call, CallLog, is_own_model
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Progress
from ftdojo.errors import UsageError
from ftdojo.gateway.judge import Judge
from ftdojo.gateway.pools import CONCURRENCY, Pools
from ftdojo.gateway.server import Gateway
from ftdojo.llm import Transport, connect
from ftdojo.record import Home, Replies

WALL_S = 3600.0
"""Wall-clock limit of a data program that may call models: it spends most of its time waiting for them."""
TRIAL_WALL_S = 600.0
_POOL = re.compile(r"(?P<pool>[a-z][a-z0-9_-]{0,31})=(?P<model>[^@]+?)(?:@(?P<url>https?://.+))?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataLlm:
    """The models that data programs may call, and how many calls may run at once."""

    models: Mapping[str, Transport]
    """Pool -> transport to its model. One that holds a model on this machine is a context manager, and is open while a
    program runs."""
    concurrency: int = CONCURRENCY
    """Calls in flight at one time, over all pools."""

    @classmethod
    def from_options(cls, options: RunOptions) -> DataLlm | None:
        """Connect to the models that a run's options name; ``None`` if there are none. Nothing is sent.

        Raises:
            UsageError: for a pool that is not ``NAME=PROVIDER:MODEL`` or ``NAME=openai:MODEL@URL``.
        """
        found: dict[str, Transport] = {}
        for text in options.data_llm:
            match = _POOL.fullmatch(text)
            if match is None or match["pool"] in found:
                problem = "is not a pool" if match is None else "names a pool twice"
                raise UsageError(
                    f"--data-llm {text} {problem}", fix="write NAME=PROVIDER:MODEL, e.g. weak=openai:gpt-5-mini"
                )
            url = match["url"] or (options.base_url if match["model"].startswith("openai:") else None)
            found[match["pool"]] = connect(match["model"], base_url=url)
        return cls(models=found, concurrency=options.llm_concurrency) if found else None

    @property
    def names(self) -> dict[str, str]:
        """Pool -> ``provider:model``."""
        return {pool: transport.model for pool, transport in self.models.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Gives a run's data programs access to the models: a gateway for each run of a program."""

    llm: DataLlm
    task: str
    variant: str
    home: Home
    log: CallLog
    progress: Progress
    known: Callable[[], Sequence[Call]] = lambda: ()
    """The calls of data programs that are already in ``log``."""
    run: Callable[[], str] = lambda: ""
    """A name that distinguishes this run from every other."""

    @property
    def _is_own(self) -> bool:
        """Whether the only model is the run's own base model."""
        return SELF in self.llm.models and is_own_model(self.llm.models[SELF].model)

    @property
    def pools(self) -> list[str]:
        """The models that a recipe may ask."""
        return [*self.llm.models, *([START] if self._is_own else [])]

    def with_start(self, model: Transport | None) -> Access:
        """Return the same access with the pool :data:`~ftdojo.contract.call.START`, if the run allows its own models.

        Args:
            model: from which a training starts; ``None`` for the base model.
        """
        if not self._is_own:
            return self
        models = {**self.llm.models, START: model or self.llm.models[SELF]}
        return replace(self, llm=replace(self.llm, models=models))

    @property
    def key(self) -> dict[str, Any]:
        """What rows depend on besides program and data. It includes the run: rows made with an exhausted budget or
        an unreachable model must not be reused in another run. The replies are still cached, so another run does not
        pay for them."""
        return {"data_llm": self.llm.names, "run": self.run()}

    def limits(self, *, trial: bool = False) -> sandbox.Limits:
        """The limits of a data program that may call models; its wall clock is at most what the run has left."""
        own = sandbox.Limits(wall_s=TRIAL_WALL_S if trial else WALL_S)
        return own.within(self.log.remaining().get("wall_s"))

    @contextlib.contextmanager
    def open(self) -> Iterator[Gateway]:
        """A gateway for one run of one program."""
        pools = Pools(
            self.llm.models,
            _ReportingLog(self.log, self.progress),
            Replies(self.home.replies),
            known=self.known(),
            concurrency=self.llm.concurrency,
        )
        with Judge(self.task, self.variant) as judge, Gateway(pools, judge) as gateway, contextlib.ExitStack() as held:
            for transport in dict.fromkeys(self.llm.models.values()):
                if isinstance(transport, contextlib.AbstractContextManager):
                    held.enter_context(transport)  # left before the gateway, which waits for calls in flight
            yield gateway


@dataclass(slots=True)
class _ReportingLog:
    """A log that reports its number of calls to a progress watcher."""

    log: CallLog
    progress: Progress
    calls: int = field(default=0)

    def append(self, call: Call) -> None:
        self.log.append(call)
        self.calls += 1
        self.progress.update("data", 0, 1, f"the data program has made {self.calls} model calls")

    def remaining(self) -> dict[str, float]:
        return self.log.remaining()
