"""Whole numbers in text that others wrote: headers, addresses, answers.

`int` is made for text of one's own. Of foreign text it raises ValueError beyond 4,300 decimal digits
(CPython's guard against quadratic time), it takes signs, spaces, underscores and the digits of every script,
and it has no upper bound; `str.isdigit` says yes to "²", which `int` refuses. Here a text is a number that
fits, or none.
"""

from __future__ import annotations

import re
from typing import Final

_DECIMAL: Final = re.compile(r"[0-9]+\Z")
# "Quantities" of the JSON-RPC specification, EIP-1474; leading zeros, which it forbids, some nodes do send.
_QUANTITY: Final = re.compile(r"0[xX][0-9a-fA-F]+\Z")
_LONGEST: Final = 66
"""Characters of a quantity of 256 bits: some nodes pad every one with zeros to that length."""


def decimal(text: str | bytes | None, bits: int = 63) -> int | None:
    """The number that ASCII digits stand for, 0 ≤ number < 2**`bits`; None for anything else, whatever it is.

    Leading zeros are read as far as the longest number of that width goes.
    """
    if text is None:
        return None
    digits = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    if len(digits) > len(str(1 << bits)) or not _DECIMAL.match(digits):
        return None
    number = int(digits)
    return number if number >> bits == 0 else None


def quantity(text: object, bits: int = 63) -> int | None:
    """The number of a JSON-RPC quantity ("0x1a"), 0 ≤ number < 2**`bits`; None for anything else."""
    if not isinstance(text, str) or len(text) > _LONGEST or not _QUANTITY.match(text):
        return None
    number = int(text, 16)
    return number if number >> bits == 0 else None
