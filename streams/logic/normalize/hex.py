"""Text of JSON-RPC into the values that the Avro writers take. All raise ValueError for anything else.

Whether the text of a quantity is hex at all has been looked at when the answer was decoded.
"""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Iterable

_SIGN = 1 << 63
SMALL = {hex(number): number for number in range(256)}
"""Types, statuses, parities, indexes: most small quantities."""


def octets(text: str) -> bytes:
    """Bytes of any length."""
    if text[:2] != "0x":
        raise ValueError(f"{text[:20]!r} is not 0x-hex")
    return unhexlify(text[2:])


def optional_octets(text: str | None) -> bytes | None:
    """Bytes, or None where the node gives null or nothing ("0x")."""
    return None if text is None or text == "0x" else octets(text)


def decimal(text: str) -> str:
    """A quantity of any size, in base 10."""
    return str(int(text, 16))


def optional_decimal(text: str | None) -> str | None:
    return None if text is None else str(int(text, 16))


def unsigned(text: str) -> int:
    """A quantity of 64 bits as an Avro long carries it, which is signed: in two's complement."""
    number = int(text, 16)
    return number if number < _SIGN else number - (_SIGN << 1)


def optional_unsigned(text: str | None) -> int | None:
    return None if text is None else unsigned(text)


class Words(dict[str, bytes]):
    """Hashes and addresses of one block: text → bytes, each read once (most occur many times)."""

    def __missing__(self, text: str) -> bytes:
        word = self[text] = octets(text)
        return word

    def optional(self, text: str | None) -> bytes | None:
        return None if text is None or text == "0x" else self[text]

    def list(self, texts: Iterable[str]) -> list[bytes]:
        return [self[text] for text in texts]
