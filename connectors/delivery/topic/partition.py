"""Which partition of the ledger a channel has."""

from __future__ import annotations

from zlib import crc32


def partition_of(channel: str, partitions: int) -> int:
    """All of a channel is in one partition, so that one process owns it."""
    return crc32(channel.encode()) % partitions
