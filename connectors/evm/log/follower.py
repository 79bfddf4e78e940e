"""Reads the log along without writing to it, so that whoever takes the chain over has little left to read."""

from __future__ import annotations

from connectors.evm.log.codec import EventCodec
from connectors.evm.log.links.linked import LinkedLog
from connectors.evm.log.links.links import Links
from connectors.evm.log.store import LogStore
from connectors.evm.log.tail import Published, load, resume


class Follower:
    """What is published, as far as it was read. Calls block; one thread at a time."""

    def __init__(self, store: LogStore, codec: EventCodec, links: Links | None = None) -> None:
        self._store = store
        self._codec = codec
        self._links = links
        self._known: tuple[Published, int] | None = None

    def follow(self) -> None:
        """Read what has come since, or the log's tail the first time. Raises Transient, Fatal."""
        known, self._known = self._known, None
        if known is not None:
            known = resume(self._store, self._codec, *known)
        if known is None:
            known = load(
                self._store, self._codec, LinkedLog(self._store, self._codec, self._links, writes=False)
            )
        self._known = known

    def give_up(self) -> tuple[Published, int] | None:
        """What is known and up to which offset it was read, None when nothing is. It is forgotten here."""
        known, self._known = self._known, None
        return known

    def interrupt(self) -> None:
        """End a blocked call with Transient; from any thread."""
        self._store.interrupt()

    def close(self) -> None:
        """Release the log."""
        self._store.close()
        if self._links is not None:
            self._links.close()
