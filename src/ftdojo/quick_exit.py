"""Processes that have imported torch and transformers end in tenths of a second, not in seconds."""

from __future__ import annotations

import atexit
import gc


def skip_last_collection() -> None:
    """Let this process end without the search for garbage that Python makes then.

    It goes through all objects of the imported libraries, of which none is garbage.
    """
    atexit.register(gc.freeze)
