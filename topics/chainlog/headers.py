"""The headers of every message that an event of a chain's log causes. All values are ASCII."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from schemas import version_of
from topics.chainlog.envelope import Envelope

Headers = Sequence[tuple[str, bytes]]

SCHEMA_VERSION: Final = "schema-version"
CHAIN_ID: Final = "chain-id"
SEQUENCE: Final = "sequence"
TRACEPARENT: Final = "traceparent"
DESCRIPTIONS: Final[Mapping[str, str]] = {
    SCHEMA_VERSION: "Version of the value's schema.",
    CHAIN_ID: "EIP-155 chain id, base 10.",
    SEQUENCE: "Number of the chain event, base 10.",
    TRACEPARENT: "W3C trace context, where there is one.",
}
"""What the documents say of each: the list of the headers that consumers may rely on."""

SOURCE_POSITION: Final = "source-position"
"""On internal messages: the offset after the event that caused it, where its stage goes on."""


def headers(
    chain_id: int, sequence: int | None = None, block_hash: bytes | None = None, *, stream: str
) -> Headers:
    """The headers of a message of a stream, written with our schema of it; what is None is left out.

    `traceparent` (W3C trace context) names a block's trace by its hash, so that the log lines of all stages
    meet.
    """
    found = [
        (SCHEMA_VERSION, str(version_of(stream)).encode()),
        (CHAIN_ID, str(chain_id).encode()),
    ]
    if sequence is not None:
        found.append((SEQUENCE, str(sequence).encode()))
    if block_hash is not None:
        found.append((TRACEPARENT, f"00-{trace_id(block_hash)}-{block_hash[16:24].hex()}-01".encode()))
    return tuple(found)


def trace_id(block_hash: bytes) -> str:
    """The trace of everything that a block causes: W3C's 32 hexadecimal digits, the first of its hash."""
    return block_hash[:16].hex()


def headers_of(envelope: Envelope, stream: str) -> Headers:
    """The headers of every message of a stream that an event causes."""
    return headers(envelope.chain_id, envelope.sequence, envelope.block_hash, stream=stream)
