"""The entries of the state topic: what a decision changes of them, and the fold that they make again.

A block's entry has what it gave and what it made; tracks are kept as they are without the remembered blocks,
which join again when a stage starts.

Read it in this order: `entry` (one of them), `progress`, `configuration`, `blocks` and `tracks` (each kind,
there and back), `entries` (all of them).
"""

from streams.logic.alerts.entries.configuration import InForce, in_force
from streams.logic.alerts.entries.entries import Entries
from streams.logic.alerts.entries.entry import STREAM, Entry

__all__ = ["STREAM", "Entries", "Entry", "InForce", "in_force"]
