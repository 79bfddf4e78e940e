"""One plausible record of a schema, always the same: the golden message of a new version."""

from __future__ import annotations

from hashlib import blake2b

from schemas.codec.model import Array, Enum, Fixed, Map, Node, Primitive, Record, Union
from schemas.codec.union import fits

_TIME_MS = 1_700_000_000_123
_WORDS = {
    "chain_id": 1,
    "block_number": 18_573_000,
    "number": 18_573_000,
    "sequence": 1_700_000_000_123,
    "gas": 21_000,
    "decimals": 18,
    "part": 0,
    "parts": 1,
    "removed": False,
    "complete": True,
    "verified": ["header-hash", "parent-link"],
    "extra": '{"unmodelled":"0x1"}',
    "topic": "ethereum.logs.v1",
    "source": "node-1",
    "problem": "a word of what was wrong, with é",
}


def sample(record: Record, name: str = "") -> dict[str, object]:
    """A record in which every optional field is present and no two hashes are equal."""
    return {each.name: _field(each.type, each.name, f"{name}/{each.name}") for each in record.fields}


def _sample(node: Node, name: str) -> object:
    match node:
        case Record():
            return sample(node, name)
        case Fixed(_, size):
            return _bytes(name, size)
        case Enum(_, symbols, _):
            return symbols[min(2, len(symbols) - 1)]
        case Array(items):
            return [_sample(items, f"{name}/{number}") for number in range(2)]
        case Map(values):
            return {"key": _sample(values, f"{name}/key")}
        case Union() if node.optional is not None:
            return _sample(node.optional[1], name)
        case Union(branches):
            return _sample(branches[-1], name)
        case Primitive(kind, logical):
            return _TIME_MS if logical else _primitive(kind, name)


def _field(node: Node, word: str, name: str) -> object:
    return _WORDS[word] if word in _WORDS and fits(node, _WORDS[word]) else _sample(node, name)


def _primitive(kind: str, name: str) -> object:
    number = int.from_bytes(_bytes(name, 4), "big")
    match kind:
        case "null":
            return None
        case "boolean":
            return True
        case "int":
            return number % 10_000
        case "long":
            return number
        case "float" | "double":
            return number / 1024
        case "bytes":
            return _bytes(name, 40)
        case _:
            return str(number * 10**9)


def _bytes(name: str, size: int) -> bytes:
    return blake2b(name.encode(), digest_size=min(size, 64) or 1).digest()[:size].ljust(size, b"\x00")
