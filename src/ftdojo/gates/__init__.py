"""The gates: checks in order of their cost. The first gate that fails ends the submission with typed findings.

0 schema (:mod:`ftdojo.contract.submission`), 1 :mod:`static <ftdojo.gates.static>`, 2 data trial
(:mod:`trial <ftdojo.gates.trial>`: the program runs, its rows have a known form; :mod:`rows
<ftdojo.gates.rows>`: what the rows teach), 3 :mod:`tokens <ftdojo.gates.tokens>`, 4 and 5
:mod:`micro <ftdojo.gates.micro>`: a few real steps, then a few real answers.

A gate is a list of small checks, each a function from material to findings. An error is what cannot turn out well;
what is merely suspicious is a warning, is told and passes: a good submission that is turned away costs more than a
bad one that is let through. Where only the task can say what is normal, its validation items are the measure.
"""

from ftdojo.gates.finding import told
from ftdojo.gates.micro import micro_evaluation, micro_training
from ftdojo.gates.reference import Reference
from ftdojo.gates.rows import content
from ftdojo.gates.static import static
from ftdojo.gates.tokens import tokenization
from ftdojo.gates.trial import data_trial

__all__ = [
    "Reference",
    "content",
    "data_trial",
    "micro_evaluation",
    "micro_training",
    "static",
    "tokenization",
    "told",
]
