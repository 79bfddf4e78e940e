"""Text of JSON-RPC into the values that the Avro writers take. All raise ValueError for anything else.

Quantities are 0x-hex; a plain decimal number, which some nodes send, is read as one.
"""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Iterable

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
    return str(int(text, 0))


def optional_decimal(text: str | None) -> str | None:
    return None if text is None else str(int(text, 0))


def optional_integer(text: str | None) -> int | None:
    return None if text is None else int(text, 0)


class Words(dict[str, bytes]):
    """Hashes and addresses of one block: text → bytes, each read once (most occur many times)."""

    def __missing__(self, text: str) -> bytes:
        word = self[text] = octets(text)
        return word

    def optional(self, text: str | None) -> bytes | None:
        return None if text is None or text == "0x" else self[text]

    def list(self, texts: Iterable[str]) -> list[bytes]:
        return [self[text] for text in texts]
