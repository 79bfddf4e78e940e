"""Amounts as records have them: decimal text, since wei and tokens exceed 64 bits."""

from __future__ import annotations

from typing import Final

from headwater.errors import Permanent

_DIGITS: Final = 78  # of 2**256 - 1


def amount(text: str, field: str) -> int:
    """The number of a field's text. Raises Permanent naming both where it is anything but digits.

    `int` alone takes signs, spaces, underscores and the digits of every script: what bytes that were
    corrupted became would be added up.
    """
    if text.isdigit() and text.isascii() and len(text) <= _DIGITS:
        return int(text)
    raise Permanent(f"{field} is {text[: 2 * _DIGITS]!r}, which is no amount in decimal digits")
