"""The headers of every message that an event of a chain's log causes."""

from __future__ import annotations

from collections.abc import Sequence

from topics.chainlog.envelope import Envelope

Headers = Sequence[tuple[str, bytes]]


def headers_of(envelope: Envelope, schema_version: int = 1) -> Headers:
    """The headers of every message that an event causes: schema-version, chain-id and sequence in ASCII.

    `traceparent` (W3C trace context) names a block's trace by its hash, as the listener does.
    """
    headers = (
        ("schema-version", str(schema_version).encode()),
        ("chain-id", str(envelope.chain_id).encode()),
        ("sequence", str(envelope.sequence).encode()),
    )
    if envelope.block_hash is None:
        return headers
    trace = envelope.block_hash[:24].hex()
    return (*headers, ("traceparent", f"00-{trace[:32]}-{trace[32:]}-01".encode()))
