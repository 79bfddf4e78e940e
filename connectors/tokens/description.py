"""What a token is called, and what may stand there. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

from headwater.errors import Fatal

MOST_DECIMALS: Final = 255
"""`decimals()` of EIP-20 answers a uint8."""
LONGEST_SYMBOL: Final = 64
LONGEST_NAME: Final = 256


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a chain.

    `address` is lower-case, 0x and 40 hex digits; an amount of 10**decimals is one unit. `symbol` and
    `name` are empty where the contract has none.
    """

    address: str
    decimals: int
    symbol: str = ""
    name: str = ""


def decimals(value: object, where: str) -> int:
    """A number of decimals. Raises Fatal."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_DECIMALS:
        raise Fatal(
            f"{where}: decimals is {_shown(value)}",
            remedy=f"write what the contract's decimals() says, a whole number from 0 to {MOST_DECIMALS}",
        )
    return value


def symbol(value: object, where: str) -> str:
    """A symbol. Raises Fatal."""
    return _words(value, f"{where}: symbol", LONGEST_SYMBOL)


def name(value: object, where: str) -> str:
    """A name. Raises Fatal."""
    return _words(value, f"{where}: name", LONGEST_NAME)


def _words(value: object, where: str, longest: int) -> str:
    if not isinstance(value, str):
        raise Fatal(f"{where} is {_shown(value)}, no text", remedy="put it in quotes")
    if len(value) > longest:
        raise Fatal(f"{where} has {len(value):,} characters", remedy=f"shorten it to {longest}")
    for place, each in enumerate(value, 1):
        # Controls, formats (which turn the direction of writing or hide), surrogates; breaks of lines.
        if unicodedata.category(each)[0] == "C" or unicodedata.category(each) in ("Zl", "Zp"):
            raise Fatal(
                f"{where}: character {place} is U+{ord(each):04X}, which does not show",
                remedy="leave it out",
            )
    return value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
