"""The fields that conditions know of the records of a kind: those of the Avro schemas, and their types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from schemas import codec_for
from schemas.codec.model import Array, Enum, Fixed, Node, Primitive, Union
from streams.logic.alerts.cel import ScalarType, Type
from streams.logic.alerts.rule import Match
from streams.logic.alerts.texts import TEXTS

STREAMS: Final[Mapping[Match, tuple[str, ...]]] = {
    Match.BLOCK: ("blocks",),
    Match.TRANSACTION: ("transactions",),
    Match.LOG: ("logs",),
    Match.TOKEN_TRANSFER: ("token-transfers",),
    Match.CONTRACT_CREATION: ("contracts",),
    Match.TRANSACTION_STATE: ("transaction-states",),
    Match.STAT: ("chain-stats", "token-stats", "contract-stats"),
}
SHARED: Final = ("chain_id", "block_number", "block_hash", "block_timestamp", "sequence", "removed")
_LONGEST: Final = {"topics": 4}
_HASH: Final = 2 + 2 * 32
_REORG: Final = {
    "depth": Type(ScalarType.INT),
    "old_block_number": Type(ScalarType.INT),
    "old_block_hash": Type(ScalarType.STRING, size=_HASH),
}


@cache
def fields_of(match: Match) -> Mapping[str, Type]:
    """Name of a field → its type. Those of a reorg are `depth` and the block that was the tip before it."""
    if match is Match.REORG:
        shared = {name: each for name, each in fields_of(Match.LOG).items() if name in SHARED}
        return MappingProxyType(shared | _REORG)
    if match is Match.STAT:
        return MappingProxyType(_of_stats())
    return MappingProxyType({name: each for name, each in _typed(STREAMS[match][0]) if each is not None})


@cache
def untyped(match: Match) -> frozenset[str]:
    """Fields that the records have and conditions do not know: doubles, and lists of records."""
    return frozenset(
        name for stream in STREAMS.get(match, ()) for name, each in _typed(stream) if each is None
    )


def _of_stats() -> dict[str, Type]:
    """Fields of all three; one that not all of them have is null in the others."""
    found: dict[str, Type] = {}
    streams = STREAMS[Match.STAT]
    tables = [{name: each for name, each in _typed(stream) if each is not None} for stream in streams]
    for table in tables:
        for name, each in table.items():
            everywhere = all(name in other for other in tables)
            found[name] = Type(
                each.kind, each.nullable or not everywhere, size=each.size, symbols=each.symbols
            )
    found["statistic"] = Type(
        ScalarType.STRING, symbols=tuple(each.removesuffix("-stats") for each in streams)
    )
    return found


def _typed(stream: str) -> Iterator[tuple[str, Type | None]]:
    for each in codec_for(stream).record.fields:
        yield each.name, _type(each.type, each.name)


def _type(node: Node, name: str) -> Type | None:
    match node:
        case Union() if node.optional is not None:
            inner = _type(node.optional[1], name)
            if inner is None or inner.list:
                return None
            return Type(inner.kind, True, size=inner.size, symbols=inner.symbols)
        case Fixed(size=size):
            return Type(ScalarType.STRING, size=2 + 2 * size)
        case Enum(symbols=symbols):
            return Type(ScalarType.STRING, symbols=symbols)
        case Array(items=items):
            inner = _type(items, name)
            if inner is None or inner.list:
                return None
            return Type(inner.kind, inner.nullable, list=True, size=inner.size, longest=_LONGEST.get(name))
        case Primitive("boolean"):
            return Type(ScalarType.BOOL)
        case Primitive("int" | "long"):
            return Type(ScalarType.INT)
        case Primitive("string") if name not in TEXTS:
            return Type(ScalarType.INT)
        case Primitive("bytes" | "string"):
            return Type(ScalarType.STRING)
        case _:
            return None
