"""What was published of a block, read back from the messages of one event."""

from __future__ import annotations

from connectors.evm.events import Content, Head
from connectors.evm.log.codec import EventCodec
from connectors.evm.log.store import LogStore


def read_content(store: LogStore, codec: EventCodec, head: Head, offset: int, end: int) -> Content | None:
    """The content of the event about `head` from `offset` to before `end`; None when it is not there whole.

    Raises Transient, and what the store raises where its front was deleted.
    """
    found = list(store.read(offset, end))
    stored = list(codec.read(found))
    values = [
        value
        for (_, value), each in zip(found, stored, strict=True)
        # A fenced listener's messages may lie between the parts.
        if each.position.claim == stored[0].position.claim and each.head == head
    ]
    return codec.content(values) if values and len(values) == stored[0].position.parts else None
