"""What the data programs of one run may ask of language models: pools, on this run's budget, in this run's record."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ftdojo import sandbox
from ftdojo.contract.call import Call, CallLog
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Progress
from ftdojo.errors import UsageError
from ftdojo.gateway.judge import Judge
from ftdojo.gateway.pools import CONCURRENCY, Pools
from ftdojo.gateway.server import Gateway
from ftdojo.llm import Transport, connect
from ftdojo.record import Home, Replies

WALL_S = 3600.0
"""For a data program that may ask models: most of its time it waits for them."""
TRIAL_WALL_S = 600.0
_POOL = re.compile(r"(?P<pool>[a-z][a-z0-9_-]{0,31})=(?P<model>[^@]+?)(?:@(?P<url>https?://.+))?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataLlm:
    """The models, and on what terms they are asked."""

    models: Mapping[str, Transport]
    """Pool -> way to its model."""
    concurrency: int = CONCURRENCY
    """Calls in flight at one time, over all pools."""

    @classmethod
    def of(cls, options: RunOptions) -> DataLlm | None:
        """The models that the options of a run name, over the network; ``None`` if there are none. Nothing is sent.

        Raises:
            UsageError: for a pool that is not ``NAME=PROVIDER:MODEL`` or ``NAME=openai:MODEL@URL``.
        """
        found: dict[str, Transport] = {}
        for text in options.data_llm:
            match = _POOL.fullmatch(text)
            if match is None or match["pool"] in found:
                problem = "is no pool" if match is None else "names a pool twice"
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
    """The way of a run's data programs to the models: a gateway for each run of a program."""

    llm: DataLlm
    task: str
    variant: str
    home: Home
    log: CallLog
    progress: Progress
    known: Callable[[], Sequence[Call]] = lambda: ()
    """The calls of data programs that ``log`` has already."""
    run: Callable[[], str] = lambda: ""
    """What tells this run from every other."""

    @property
    def key(self) -> dict[str, Any]:
        """What rows depend on beside program and data. The run is among it: what a program makes of a budget that was
        used up, or of a model that was down, must not be taken for its rows in another run. The replies that it got
        are kept all the same, so another run pays for none of them."""
        return {"data_llm": self.llm.names, "run": self.run()}

    def limits(self, *, trial: bool = False) -> sandbox.Limits:
        """Those of a data program: its wall clock is that of its calls, but no more than the run has left."""
        wall_s = TRIAL_WALL_S if trial else WALL_S
        return sandbox.Limits(wall_s=max(1.0, min(wall_s, self.log.remaining().get("wall_s", wall_s))))

    @contextlib.contextmanager
    def open(self) -> Iterator[Gateway]:
        """A gateway for one run of one program."""
        pools = Pools(
            self.llm.models,
            _Shown(self.log, self.progress),
            Replies(self.home.replies),
            known=self.known(),
            concurrency=self.llm.concurrency,
        )
        with Judge(self.task, self.variant) as judge, Gateway(pools, judge) as gateway:
            yield gateway


@dataclass(slots=True)
class _Shown:
    """A log whose growth a watcher sees."""

    log: CallLog
    progress: Progress
    calls: int = field(default=0)

    def append(self, call: Call) -> None:
        self.log.append(call)
        self.calls += 1
        self.progress.update("data", 0, 1, f"the data program has asked models {self.calls} times")

    def remaining(self) -> dict[str, float]:
        return self.log.remaining()
