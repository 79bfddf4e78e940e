"""Bodies that are not an answer: name → bytes."""

from collections.abc import Mapping
from typing import Final

GARBAGE: Final[Mapping[str, bytes]] = {
    "empty": b"",
    "not_utf8": b'{"jsonrpc":"2.0","id":0,"result":"\xff\xfe\xc0"}',
    "deep": b'{"jsonrpc":"2.0","id":0,"result":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "digits": b'{"jsonrpc":"2.0","id":' + b"9" * 10_000 + b',"result":' + b"9" * 10_000 + b"}",
}
"""Bytes that are not UTF-8, nesting without end, integers of thousands of digits."""
