"""The raw-data repository: prepared task data, profiles of it, and the index of what training must not contain."""

from ftdojo.rawdata.overlap import OverlapIndex
from ftdojo.rawdata.profile import DataProfile, FileProfile, profile
from ftdojo.rawdata.repository import TaskData, prepare, read_items

__all__ = [
    "DataProfile",
    "FileProfile",
    "OverlapIndex",
    "TaskData",
    "prepare",
    "profile",
    "read_items",
]
