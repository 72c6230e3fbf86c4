"""The audit of a finished run: its result is checked again against its own record and the stored evidence.

It only reads. A check that needs something that is not on this machine, or that another check has found changed, is
*unchecked* and gives the reason: this is neither a failure nor a proof. The audit cannot detect a record that was
invented as a whole, including the evidence; against that, note ``ledger`` of ``result.json`` when the run ends
(``expect``), and let the kept models answer the test again (``regenerate``).

The :mod:`auditor <ftdojo.audit.auditor>` runs each check on the :mod:`evidence <ftdojo.audit.evidence>`,
and the results make the :mod:`audit <ftdojo.audit.audit>`. Checks, by what they are about:
:mod:`record <ftdojo.audit.record>` (against itself), :mod:`identity <ftdojo.audit.identity>` (what is here
matches the record), :mod:`scores <ftdojo.audit.scores>` (from the stored outputs), :mod:`best
<ftdojo.audit.best>` (how the best model was made).
"""

from ftdojo.audit.audit import Audit, Check
from ftdojo.audit.auditor import CHECKS, Demand, verify

__all__ = ["CHECKS", "Audit", "Check", "Demand", "verify"]
