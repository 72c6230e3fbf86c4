"""The raw-data repository: published sets, prepared task data, its profiles, and the index of what training must not
contain."""

from ftdojo.rawdata.fetch import fetch, locate
from ftdojo.rawdata.overlap import OverlapIndex
from ftdojo.rawdata.profile import DataProfile, FieldProfile, FileProfile, profile, token_counter
from ftdojo.rawdata.repository import TaskData, find, prepare, profiled, read_items

__all__ = [
    "DataProfile",
    "FieldProfile",
    "FileProfile",
    "OverlapIndex",
    "TaskData",
    "fetch",
    "find",
    "locate",
    "prepare",
    "profile",
    "profiled",
    "read_items",
    "token_counter",
]
