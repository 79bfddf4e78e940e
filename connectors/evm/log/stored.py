"""Reads messages of the log without the node's answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from connectors.evm.log.codec import EventCodec, Stored
from connectors.evm.log.store import LogStore

_AT_ONCE: Final = 8


def read_stored(store: LogStore, codec: EventCodec, start: int, end: int) -> Iterator[Stored]:
    """Messages of a range without their answers, a few at a time: they are large."""
    chunk: list[tuple[int, bytes]] = []
    for message in store.read(start, end):
        chunk.append(message)
        if len(chunk) == _AT_ONCE:
            yield from codec.read(chunk)
            chunk = []
    yield from codec.read(chunk)
