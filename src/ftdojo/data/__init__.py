"""The raw-data repository: published data sets, prepared task data, its profiles, and the index of evaluation items
that training rows must not contain."""

from ftdojo.data.copies import build_index, find_copies
from ftdojo.data.fetch import fetch, locate
from ftdojo.data.overlap import OverlapIndex
from ftdojo.data.profile import profile
from ftdojo.data.repository import TaskData, find, prepare, profiled, read_items, require

__all__ = [
    "OverlapIndex",
    "TaskData",
    "build_index",
    "fetch",
    "find",
    "find_copies",
    "locate",
    "prepare",
    "profile",
    "profiled",
    "read_items",
    "require",
]
