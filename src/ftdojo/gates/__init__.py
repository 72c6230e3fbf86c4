"""The gates: checks in order of their cost. The first gate that fails ends the submission with typed findings.

The order stands in :mod:`~ftdojo.gates.sequence`. A gate is a list of small checks, each a function from material to
findings. An error is what cannot turn out well. What is merely suspicious is a warning, which is reported and passes:
a good submission that is turned away costs more than a bad one that is let through. Where only the task can say what
is normal, its validation items are the measure.
"""

from ftdojo.gates.finding import at_gate, dump_findings, number_findings
from ftdojo.gates.sequence import Gates, Made

__all__ = ["Gates", "Made", "at_gate", "dump_findings", "number_findings"]
