"""The record: an append-only ledger of events, and a content-addressed store of results."""

from ftdojo.record.home import Home
from ftdojo.record.ledger import Event, Ledger, is_running, restore
from ftdojo.record.replies import Replies
from ftdojo.record.run_folder import RunFolder
from ftdojo.record.store import Stage, Store

__all__ = ["Event", "Home", "Ledger", "Replies", "RunFolder", "Stage", "Store", "is_running", "restore"]
