"""Error bodies as nodes and providers word them: name → code, message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator

ERRORS: Final[Mapping[str, tuple[int, str]]] = {
    "alchemy-capacity": (
        429,
        "Your app has exceeded its compute units per second capacity. If you have retries enabled, you can "
        "safely ignore this message.",
    ),
    "infura-rate": (-32005, "project ID request rate exceeded"),
    "quicknode-rate": (-32007, "50/second request limit reached - reduce calls per second or upgrade"),
    "ankr-batch": (-32062, "Batch size too large"),
    "provider-batch-10": (-32014, "maximum 10 calls in 1 batch"),
    "geth-batch": (-32600, "batch too large"),
    "geth-header": (-32000, "header not found"),
    "geth-unknown-block": (-39001, "Unknown block"),
    "geth-pruned": (4444, "pruned history unavailable"),
    "geth-timeout": (-32002, "request timed out"),
    "erigon-internal": (-32000, "internal error"),
    "nethermind-timeout": (-32016, "eth_getBlockReceipts request was canceled due to enabled timeout."),
    "besu-no-such-block": (-32000, "Block not found"),
    "provider-upstream": (-32000, "upstream connect error or disconnect/reset before headers"),
    "provider-plan": (-32075, "this method is not included in your current plan"),
    "provider-method": (-32601, "the method eth_getBlockReceipts does not exist/is not available"),
    "arbitrum-retry": (-32000, "temporarily not available, try again later"),
}
"""-32005, -32016 and 429 are rates or times; -39001 and 4444 are of execution-apis."""


def _known(name: str) -> str:
    if name not in ERRORS:
        raise ValueError(f"no such error: {name}; there are {', '.join(ERRORS)}")
    return name


ErrorName = Annotated[str, AfterValidator(_known)]
"""The name of one of them."""
