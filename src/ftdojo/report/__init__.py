"""Reports of a run: one page for the browser, one table for the terminal. Both are made from the record alone."""

from ftdojo.report.html import write_report
from ftdojo.report.table import closing_table, more_table, next_table

__all__ = ["closing_table", "more_table", "next_table", "write_report"]
