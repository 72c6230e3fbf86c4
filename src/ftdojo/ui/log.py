"""The log of a run: its events, one line each."""

from __future__ import annotations

from typing import NamedTuple

from ftdojo.contract.budget import Spent
from ftdojo.plain import plural
from ftdojo.record import events
from ftdojo.record.events import Recorded, RunEvent
from ftdojo.report import text

CHARS = 240
"""Characters of a line that come from the record."""


class Line(NamedTuple):
    """An event in the log."""

    seq: int
    time: str
    kind: str
    text: str


def describe(recorded: Recorded[RunEvent]) -> Line:
    """Return an event as a line. Nothing of test is in it before the run is over: the record has it only then."""
    said = text.line(_say(recorded), CHARS)
    return Line(recorded.seq, recorded.time[:19], text.line(recorded.kind.replace("_", " "), 40), said)


def _say(recorded: Recorded[RunEvent]) -> str:  # noqa: PLR0911, PLR0912 - one line for each kind
    match recorded.event:
        case events.RunBegun(configuration=begun):
            return f"{begun.task} with {begun.model}, agent {begun.agent or 'without a name'}"
        case events.BaselineMeasured(evaluation=evaluation):
            return f"the base model was evaluated on validation: {evaluation.score}"
        case events.IterationEnded(iteration=iteration):
            return f"iteration {iteration.number}: {iteration.verdict}"
        case events.ProbeEnded(probe=probe):
            return f"{text.share(probe.share)} of the rows tried: {probe.score or 'not evaluated'}"
        case events.SubmissionPrechecked(codes=codes):
            return f"the first gates find {', '.join(codes) or 'nothing'}"
        case events.LlmCalled(call=call):
            outcome = f"{call.fault.kind}: {call.fault.message}" if call.fault else call.reply or "(empty)"
            return f"{call.purpose}, {call.model}, {_tokens(call.charge)}: {outcome}"
        case events.RunPaused():
            return "the agent left without having ended the run"
        case events.BudgetExtended():
            return "the owner extended the budget"
        case events.AgentStopped(reason=reason):
            return reason
        case events.RunDisqualified(reasons=reasons):
            return "; ".join(reasons)
        case events.TestOpened(reason=reason):
            return reason
        case events.TestScored(baseline=baseline, best=best):
            return f"base model {baseline}; best model {best}"
        case events.RunFinished(result=result):
            return f"outcome {result.outcome}, best iteration {result.best.iteration}"
        case events.LedgerMigrated(old=old, new=new):
            return f"the ledger was brought from version {old} to {new}"
        case _:
            return "an event of a newer ftdojo"


def _tokens(charge: Spent) -> str:
    return plural(charge.input_tokens + charge.output_tokens, "token")
