"""The entries of the state topic: what a decision changes of them, and the fold that they make again.

Read it in this order: `entries`.
"""

from streams.logic.alerts.entries.entries import STREAM, Entries, Entry, InForce, in_force

__all__ = ["STREAM", "Entries", "Entry", "InForce", "in_force"]
