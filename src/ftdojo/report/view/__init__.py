"""The content of the report, derived from the record of a run: selected, counted, compared and worded here.

Text that data, models or agents wrote is passed on as it is; :mod:`ftdojo.report.html` cleans every string that it puts
into the page. :mod:`parts <ftdojo.report.view.parts>` defines the parts of a page, :mod:`reading
<ftdojo.report.view.reading>` assembles them; every other module makes one part.
"""

from ftdojo.report.view.parts import Report, Some
from ftdojo.report.view.reading import read

__all__ = ["Report", "Some", "read"]
