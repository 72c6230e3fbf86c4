"""What the report shows, derived from the record of a run: chosen, counted, compared and put into words here.

Text that data, models or agents wrote is passed on as it is; :mod:`ftdojo.report.html` cleans every string that it puts
into the page. :mod:`parts <ftdojo.report.view.parts>` is what a page consists of, :mod:`reading
<ftdojo.report.view.reading>` puts it together; the other modules make a part each.
"""

from ftdojo.report.view.parts import Report, Some
from ftdojo.report.view.reading import read

__all__ = ["Report", "Some", "read"]
