"""One record of a stream, as its producer writes it."""

from __future__ import annotations

LOG = {
    "chain_id": 1,
    "block_number": 17686111,
    "block_hash": b"h" * 32,
    "block_timestamp": 1_689_300_000_000,
    "sequence": 1_689_300_000_123,
    "removed": False,
    "event_id": b"e" * 16,
    "log_index": 300,
    "transaction_hash": b"t" * 32,
    "transaction_index": 150,
    "address": b"a" * 20,
    "topics": [b"1" * 32, b"2" * 32, b"3" * 32],
    "data": b"d" * 64,
    "extra": None,
}
