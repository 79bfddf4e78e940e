"""Which consumer group follows which streams, and whether it scales by replicas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from topics.catalog import TOPICS
from topics.groups import DELIVER, GROUPS, SINK


@dataclass(frozen=True, slots=True)
class Reader:
    """A group by the end of its name, and the role whose replicas are its members.

    `live`: a stage of a chain's live line. Everything of a chain is in order, so that one process works and
    one stands by, however many there are.
    """

    group: str
    role: str
    streams: tuple[str, ...]
    live: bool = False


READERS: Final = (
    *(Reader(group.name, group.name, (group.input,), live=True) for group in GROUPS),
    Reader(SINK, SINK, tuple(spec.stream for spec in TOPICS if SINK in spec.consumers)),
    # Not its group that divides the channels: that one commits no offset, since whoever takes a partition of
    # the ledger over reads all of it. What waits there is `headwater deliveries list --state pending`.
    Reader(DELIVER, DELIVER, ("alerts",)),
)
