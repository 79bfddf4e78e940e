"""The topic of what tokens are called and how many decimals they have."""

from __future__ import annotations

from topics.groups import SINK
from topics.spec import BLOCK_BYTES, Cleanup, TopicSpec, Visibility

TOKENS = TopicSpec(
    stream="tokens",
    key="token address",
    description="Symbol, name and decimals of a token, as people say; the highest version of a token holds.",
    partitions=1,
    cleanup=Cleanup.COMPACT,
    retention_ms=None,
    visibility=Visibility.PUBLIC,
    owner="command line",
    producers=("tokens",),
    consumers=("public", SINK, "tokens"),
    segment_bytes=2 * BLOCK_BYTES,
)
