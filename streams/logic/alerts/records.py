"""An enriched block as the records that rules look at, by the field names of their Avro schemas.

Nothing is converted before it is asked for: most records meet no rule, and hex text costs more than all the
rest of looking at one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias, cast

from headwater.evm.identity import EventIds, RecordKind
from schemas import Codec, Message, Records, codec_for, codec_for_record
from schemas.codec.model import Array, Enum, Fixed, Node, Primitive, Record, Union
from schemas.unsigned import UNSIGNED, from_long
from streams.logic.alerts.rule import Match
from streams.logic.alerts.texts import TEXTS
from streams.logic.amounts import amount
from topics.chainlog.envelope import Envelope
from topics.coverage import COUNTED

STREAM: Final = "enriched-blocks"
HEADER: Final = "header"
Convert: TypeAlias = Callable[[Any], object]
Number: TypeAlias = Callable[[str], Convert]
"""Name of a field of decimal text → how its number is read."""


@dataclass(frozen=True, slots=True)
class RecordLayout:
    """The records of one kind: where they are in an enriched block, and what identifies one of them."""

    match: Match
    stream: str
    array: str
    record: RecordKind
    index: tuple[str, ...]
    transaction: str | None
    converters: Mapping[str, Convert | None] = field(repr=False)
    nodes: Mapping[str, Node] = field(repr=False)
    codec: Codec = field(repr=False)


def _layout(
    match: Match, stream: str, array: str, record: RecordKind, index: tuple[str, ...], transaction: str | None
) -> RecordLayout:
    body = {
        "header": "BlockBody",
        "transactions": "TransactionBody",
        "logs": "LogBody",
        "transfers": "TransferBody",
        "contracts": "ContractBody",
    }[array]
    converters = converters_of(stream, lambda name: partial(amount, field=name))
    nodes = {each.name: each.type for each in codec_for(stream).record.fields}
    codec = codec_for_record(STREAM, body)
    return RecordLayout(match, stream, array, record, index, transaction, converters, nodes, codec)


def converters_of(stream: str, number: Number = lambda _: int) -> Mapping[str, Convert | None]:
    """Field of a stream → from what the codec reads to what a rule sees; None where that is the same.

    `int` is for numbers that were written here a moment ago.
    """
    return {each.name: _of_node(each.type, each.name, number) for each in codec_for(stream).record.fields}


def hex_text(raw: bytes) -> str:
    """Bytes as lower-case 0x text."""
    return "0x" + raw.hex()


def _of_node(node: Node, name: str, number: Number) -> Convert | None:
    match node:
        case Union() if node.optional is not None:
            inner = _of_node(node.optional[1], name, number)
            return None if inner is None else lambda value: None if value is None else inner(value)
        case Fixed() | Primitive("bytes"):
            return hex_text
        case Primitive("string") if name not in TEXTS:
            return number(name)
        case Primitive("long") if name in UNSIGNED:
            return from_long
        case Array(items):
            own = _of_node(items, name, number)
            return None if own is None else lambda values: [own(value) for value in values]
        case Record():
            parts = {each.name: _of_node(each.type, each.name, number) for each in node.fields}
            return lambda values: {
                key: value if (own := parts[key]) is None else own(value) for key, value in values.items()
            }
        case _:
            return None


def raw_of(node: Node, name: str, value: object) -> object:
    """What the codec reads where a rule sees `value`. Raises ValueError where a rule never sees it."""
    if isinstance(node, Union) and node.optional is not None:
        return None if value is None else raw_of(node.optional[1], name, value)
    match node:
        case Fixed() | Primitive("bytes") if isinstance(value, str) and value.startswith("0x"):
            raw = bytes.fromhex(value[2:])
            if hex_text(raw) == value:
                return raw
        case Primitive("string") if name not in TEXTS and isinstance(value, int):
            return str(value)
        case Primitive("string") if name in TEXTS and isinstance(value, str):
            return value
        case Enum() if isinstance(value, str):
            return value
        case Primitive("long" | "int") if isinstance(value, int) and name not in UNSIGNED:
            return value
        case Primitive("long") if isinstance(value, int):
            return value if value < 1 << 63 else value - (1 << 64)
    raise ValueError(f"no {name} is ever {value!r}")


LAYOUTS: Final[Mapping[Match, RecordLayout]] = {
    layout.match: layout
    for layout in (
        _layout(Match.BLOCK, "blocks", HEADER, RecordKind.BLOCK, (), None),
        _layout(
            Match.TRANSACTION,
            "transactions",
            "transactions",
            RecordKind.TRANSACTION,
            ("transaction_index",),
            "hash",
        ),
        _layout(Match.LOG, "logs", "logs", RecordKind.LOG, ("log_index",), "transaction_hash"),
        _layout(
            Match.TOKEN_TRANSFER,
            "token-transfers",
            "transfers",
            RecordKind.TOKEN_TRANSFER,
            ("log_index", "batch_index"),
            "transaction_hash",
        ),
        _layout(
            Match.CONTRACT_CREATION,
            "contracts",
            "contracts",
            RecordKind.CONTRACT,
            ("transaction_index",),
            "transaction_hash",
        ),
    )
}
_STREAM_ARRAYS: Final = {layout.stream: layout.array for layout in LAYOUTS.values()}
# A header has counts of its own, which it comes with; the others are those of what came with it.
_COUNTED: Final = {
    each.field: _STREAM_ARRAYS[each.stream]
    for each in COUNTED
    if each.field not in LAYOUTS[Match.BLOCK].codec.names
}


class Shared:
    """What all records of one event share: the first fields of every public schema, and the identities."""

    def __init__(self, envelope: Envelope) -> None:
        own = envelope.block_hash or bytes(32)
        self.fields: dict[str, object] = {
            "chain_id": envelope.chain_id,
            "block_number": envelope.block_number,
            "block_hash": hex_text(own),
            "block_timestamp": envelope.block_timestamp,
            "sequence": envelope.sequence,
            "removed": False,
        }
        self.ids = EventIds(envelope.chain_id, own)


class Row(dict[str, object]):
    """One record. A field is converted when it is first asked for; KeyError where the schema has no such."""

    __slots__ = ("_decoded", "_place", "_records", "_shared", "layout")

    def __init__(self, layout: RecordLayout, shared: Shared, records: Records, place: int) -> None:
        super().__init__()
        self.layout = layout
        self._shared, self._records, self._place = shared, records, place
        self._decoded: Mapping[str, object] | None = None

    def __missing__(self, name: str) -> object:
        found = self[name] = self._found(name)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self.layout.converters

    def __iter__(self) -> Iterator[str]:
        return iter(self.layout.converters)

    def __len__(self) -> int:
        return len(self.layout.converters)

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as a dict's
        """The field, or the default where the schema has none of this name."""
        return self[name] if name in self.layout.converters else default

    @property
    def event_id(self) -> bytes:
        """The identity of the record, as its own stream has it."""
        index = [cast(int, self._raw(name)) for name in self.layout.index] or [0]
        return self._shared.ids.of(self.layout.record, *index)

    @property
    def transaction_hash(self) -> bytes | None:
        """Its transaction; None for a block."""
        return None if self.layout.transaction is None else cast(bytes, self._raw(self.layout.transaction))

    @property
    def log_index(self) -> int | None:
        """Its log, where it has one."""
        return cast(int, self._raw("log_index")) if "log_index" in self.layout.converters else None

    def _found(self, name: str) -> object:
        convert = self.layout.converters[name]
        if name in self._shared.fields:
            return self._shared.fields[name]
        if name == "event_id":
            return hex_text(self.event_id)
        raw = self._raw(name)
        return raw if convert is None else convert(raw)

    def _raw(self, name: str) -> object:
        column = self._records.columns.get(name)
        if column is not None:
            return column[self._place]
        if self._decoded is None:
            self._decoded = self.layout.codec.read(self._records.bodies[self._place])
        return self._decoded[name]


def header_of(parts: Sequence[Message]) -> Records:
    """The block's own record, the numbers of its other records included."""
    header = cast("dict[str, object]", parts[0].values[HEADER])
    counts = {
        name: sum(part.records[array].count for part in parts if array in part.records)
        for name, array in _COUNTED.items()
        if name not in header
    }
    return Records(1, {name: [value] for name, value in {**header, **counts}.items()}, [b""])
