"""The audit of a finished run: what its result says, checked again against its own record and the stored evidence.

It reads only. A check that would need what is not on this machine, or what another check has found changed, is
*unchecked* and says why: that is not a failure, and no proof either. What it cannot see is a record that was invented
as a whole, evidence included; against that, note ``ledger`` of ``result.json`` when the run ends.

The :mod:`auditor <ftdojo.audit.auditor>` puts each check to the :mod:`evidence <ftdojo.audit.evidence>`,
and the answers make the :mod:`audit <ftdojo.audit.audit>`. Checks, by what they are about:
:mod:`record <ftdojo.audit.record>` (against itself), :mod:`identity <ftdojo.audit.identity>` (what is here
is what the record names), :mod:`scores <ftdojo.audit.scores>` (from the stored outputs), :mod:`best
<ftdojo.audit.best>` (how the best model was made).
"""

from ftdojo.audit.audit import Audit, Check
from ftdojo.audit.auditor import CHECKS, verify

__all__ = ["CHECKS", "Audit", "Check", "verify"]
