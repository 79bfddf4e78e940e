"""RLP (Yellow Paper, appendix B) of what JSON-RPC writes in hex, kept in hex digits until it is whole.

A node's text is nearly RLP already: a length before it, and that is all. Putting texts together and turning
them into bytes once is several times faster than bytes field by field.
"""

from __future__ import annotations

from typing import Final

_SHORT: Final = tuple(f"{0x80 + size:02x}" for size in range(56))
_SHORT_LIST: Final = tuple(f"{0xC0 + size:02x}" for size in range(56))


def quantity(text: str | None) -> str:
    """RLP of a quantity (0x and hex digits, zeros before them or not); of None that of zero."""
    digits = text[2:].lstrip("0") if text else ""
    size = len(digits)
    if size & 1:
        return "0" + digits if size == 1 else f"{_SHORT[(size + 1) >> 1]}0{digits}"
    if size == 2 and digits < "80":
        return digits
    return _SHORT[size >> 1] + digits


def octets(text: str | None) -> str:
    """RLP of whole bytes (0x and an even number of hex digits); of None that of no bytes."""
    if not text:
        return "80"
    digits = text[2:]
    size = len(digits) >> 1
    if size < 56:
        if size == 1 and digits < "80":
            return digits
        return _SHORT[size] + digits
    length = f"{size:x}"
    if len(length) & 1:
        length = "0" + length
    return f"{0xB7 + (len(length) >> 1):02x}{length}{digits}"


def listed(payload: str) -> str:
    """RLP of a list whose items are encoded and joined already."""
    size = len(payload) >> 1
    if size < 56:
        return _SHORT_LIST[size] + payload
    length = f"{size:x}"
    if len(length) & 1:
        length = "0" + length
    return f"{0xF7 + (len(length) >> 1):02x}{length}{payload}"
