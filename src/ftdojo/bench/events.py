"""The events of a suite, as its ledger holds them. The rule of compatibility is that of :mod:`ftdojo.record.events`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from ftdojo.bench.suite import Suite
from ftdojo.record.events import LedgerEvent


class SuiteBegun(LedgerEvent):
    """A suite was run in the folder, for the first time or changed."""

    kind = "suite"
    suite: Suite
    version: str
    """The version of ftdojo."""


class AttemptBegun(LedgerEvent):
    """A job was started."""

    kind = "begun"
    job: str
    """The job's folder, relative to the suite's."""


class AttemptEnded(LedgerEvent):
    """A job ended, with or without a result."""

    kind = "ended"
    job: str
    seconds: float
    failure: str | None
    """Why there is no result; ``None`` if there is one."""


SuiteEvent = SuiteBegun | AttemptBegun | AttemptEnded

SUITE_EVENTS: Mapping[str, type[SuiteEvent]] = {model.kind: model for model in get_args(SuiteEvent)}
"""Kind -> model."""
