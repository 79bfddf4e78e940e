"""The logs bloom of a block, recomputed from its logs (Yellow Paper 4.4.3).

Each address and topic sets three of 2048 bits, chosen by its keccak-256. Tokens and topics repeat from
block to block, so a bounded cache saves most of the hashing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import sha3

CACHED: Final = 1 << 16
"""Values remembered: about 25 MB, a few hundred mainnet blocks."""


class Bloom:
    """Computes blooms; one instance keeps one cache."""

    def __init__(self, cached: int = CACHED) -> None:
        self._cached = cached
        self._bits: dict[str, int] = {}

    def of(self, values: Iterable[str]) -> int:
        """The bloom of addresses and topics (0x-hex) as an integer. Raises ValueError on bad hex."""
        bits = self._bits
        bloom = 0
        for value in values:
            found = bits.get(value)
            if found is None:
                if len(bits) >= self._cached:
                    bits.clear()
                found = bits[value] = bits_of(bytes.fromhex(value[2:]))
            bloom |= found
        return bloom


def bits_of(value: bytes) -> int:
    """The bits that one address or topic sets."""
    digest: bytes = sha3.keccak_256(value).digest()
    return (
        1 << ((digest[0] << 8 | digest[1]) & 2047)
        | 1 << ((digest[2] << 8 | digest[3]) & 2047)
        | 1 << ((digest[4] << 8 | digest[5]) & 2047)
    )
