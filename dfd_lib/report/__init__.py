"""One experiment's tables and figures as a page, as a few lines, and what moved between two of them."""

from dfd_lib.report.changes import diff, in_words
from dfd_lib.report.page import write_page
from dfd_lib.report.verdict import summary

__all__ = ["diff", "in_words", "summary", "write_page"]
