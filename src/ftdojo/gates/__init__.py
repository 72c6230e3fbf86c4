"""The gates: checks in order of their cost. The first gate that fails ends the submission with typed findings.

The order is defined in :mod:`~ftdojo.gates.sequence`. A gate is a list of small checks, each a function from its input
to findings. An error is something that cannot give a good model. Something merely suspicious is a warning: it is
reported, and the gate passes, because rejecting a good submission costs more than accepting a bad one. Where only the
task defines what is normal, its validation items are the reference.
"""

from ftdojo.gates.finding import at_gate, dump_findings, number_findings, settle
from ftdojo.gates.limits import check_limits, describe_beyond
from ftdojo.gates.sequence import Gates, Made, RejectedRowsError
from ftdojo.gates.start import Starts
from ftdojo.gates.trained import open_trained

__all__ = [
    "Gates",
    "Made",
    "RejectedRowsError",
    "Starts",
    "at_gate",
    "check_limits",
    "describe_beyond",
    "dump_findings",
    "number_findings",
    "open_trained",
    "settle",
]
