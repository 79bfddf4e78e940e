"""Blocks as ClickHouse has them, as events that stages handle: their logic runs over them unchanged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

import orjson

from connectors.clickhouse.client import Client
from connectors.clickhouse.migrations.template import view_database
from headwater.errors import Fatal
from schemas import Message, Records, Selection
from schemas.codec.model import Array, Enum, Fixed, Node, Primitive, Record, Union
from schemas.unsigned import UNSIGNED, to_long
from streams.logic.alerts.records import HEADER, LAYOUTS, RecordLayout
from streams.logic.alerts.rule import Match
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind

CHUNK: Final = 200
"""Blocks of one question."""
_QUOTED: Final = {"output_format_json_quote_64bit_integers": 1}


@dataclass(frozen=True, slots=True)
class HistoryBlock:
    """A canonical block: its event, and its content in place of a value's.

    It reads itself, as the reader of enriched-blocks would.
    """

    envelope: Envelope
    content: Message

    def message(self, value: bytes, fields: Selection) -> Message:
        """All of it, whatever is asked for."""
        return self.content

    def to_current_schema(self, value: bytes) -> bytes:
        """Raises Fatal: there are no bytes."""
        raise Fatal(
            "states of transactions cannot be asked about in history",
            remedy="add --source kafka, for blocks that enriched-blocks still holds",
        )


def of_transaction(block: HistoryBlock, transaction: bytes) -> HistoryBlock:
    """The block with the records of one transaction and no others."""
    records = dict(block.content.records)
    for layout in LAYOUTS.values():
        if layout.transaction is not None:
            own = records[layout.array]
            places = [n for n, each in enumerate(own.columns[layout.transaction]) if each == transaction]
            columns = {name: [column[n] for n in places] for name, column in own.columns.items()}
            records[layout.array] = Records(len(places), columns, [own.bodies[n] for n in places])
    return replace(block, content=replace(block.content, records=records))


class History:
    """One chain's canonical blocks. Raises clickhouse-connect's ClickHouseError.

    `fields`: what to read of each array of records, and of the header; everything without.
    """

    def __init__(
        self, client: Client, database: str, chain_id: int, fields: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self._client, self._chain_id = client, chain_id
        self._fields = {layout.array: tuple(layout.codec.names) for layout in LAYOUTS.values()} | dict(
            fields or {}
        )
        self._all = fields is None
        self._views = view_database("canonical", database)

    def block_of(self, transaction: str) -> int | None:
        """The height of the canonical block that has a transaction, 0x and 64 hex digits; or None."""
        rows = self._rows(
            f"SELECT block_number FROM {self._views}.transactions "
            "WHERE chain_id = {chain_id:UInt64} AND hash = {hash:String} LIMIT 1",
            {"hash": transaction},
        )
        return int(rows[0]["block_number"]) if rows else None

    def blocks(self, first: int, last: int) -> Iterator[HistoryBlock]:
        """From `first` to `last`, both included, in their order, numbered from 1; those that are there."""
        sequence = 0
        for start in range(first, last + 1, CHUNK):
            end = min(last, start + CHUNK - 1)
            found = {match: self._records(layout, start, end) for match, layout in LAYOUTS.items()}
            for number in sorted(found[Match.BLOCK]):
                (header,) = found[Match.BLOCK][number]
                records = {
                    layout.array: records_of(layout, found[match].get(number, ()), self._fields[layout.array])
                    for match, layout in LAYOUTS.items()
                    if match is not Match.BLOCK
                }
                sequence += 1
                yield HistoryBlock(
                    self._envelope(header, sequence),
                    Message({"problem": None, HEADER: self._header(header)}, {}, records),
                )

    def _header(self, row: Mapping[str, Any]) -> dict[str, object]:
        return raw_record(LAYOUTS[Match.BLOCK], row, self._fields[HEADER])

    def _records(self, layout: RecordLayout, first: int, last: int) -> dict[int, list[Mapping[str, Any]]]:
        order = ", ".join(("block_number", *layout.index))
        own = ("block_hash", "parent_hash") if layout.match is Match.BLOCK else ()
        wanted = ("block_number", *own, *layout.index, *self._fields[layout.array])
        columns = "*" if self._all else ", ".join(dict.fromkeys(wanted))
        found: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
        for row in self._rows(
            f"SELECT {columns}, toUnixTimestamp64Milli(block_timestamp) AS at "
            f"FROM {self._views}.{layout.stream.replace('-', '_')} WHERE chain_id = {{chain_id:UInt64}} "
            f"AND block_number BETWEEN {{first:UInt64}} AND {{last:UInt64}} ORDER BY {order}",
            {"first": first, "last": last},
        ):
            found[int(row["block_number"])].append(row)
        return found

    def _envelope(self, header: Mapping[str, Any], sequence: int) -> Envelope:
        return Envelope(
            event=EventKind.APPLY,
            chain_id=self._chain_id,
            sequence=sequence,
            claim=0,
            block_number=int(header["block_number"]),
            block_hash=_bytes(header["block_hash"]),
            parent_hash=_bytes(header["parent_hash"]),
            block_timestamp=int(header["at"]),
            observed_at=int(header["at"]),
            source=None,
            verified=(),
            fresh=False,
            part=0,
            parts=1,
        )

    def _rows(self, query: str, values: Mapping[str, object]) -> list[dict[str, Any]]:
        parameters = {"chain_id": self._chain_id, **values}
        answer = self._client.raw_query(query, parameters, fmt="JSONEachRow", settings=_QUOTED)
        return [orjson.loads(line) for line in answer.splitlines()]


def records_of(layout: RecordLayout, rows: Sequence[Mapping[str, Any]], names: Sequence[str] = ()) -> Records:
    """Rows of a view as the codec gives the records of a block: those fields, or all of them."""
    chosen = names or layout.codec.names
    raw = [raw_record(layout, row, chosen) for row in rows]
    columns = {name: [each[name] for each in raw] for name in chosen}
    return Records(len(raw), columns, [b""] * len(raw))


def raw_record(layout: RecordLayout, row: Mapping[str, Any], names: Sequence[str]) -> dict[str, object]:
    """Fields of a row as the codec reads them: bytes for hex text. Those that no condition knows are null."""
    return {name: _raw(layout.nodes[name], name, row.get(name)) for name in names}


def _raw(node: Node, name: str, value: Any) -> object:  # noqa: ANN401 - JSON
    if isinstance(node, Union) and node.optional is not None:
        return None if value is None else _raw(node.optional[1], name, value)
    match node:
        case Fixed() | Primitive("bytes"):
            return _bytes(value)
        case Primitive("long") if name in UNSIGNED:
            return to_long(int(value))
        case Primitive("long" | "int"):
            return int(value)
        case Primitive("string") | Enum():
            return str(value)
        case Array(items) if not isinstance(items, Record):
            return [_raw(items, name, each) for each in value or ()]
        case _:
            return None


def _bytes(text: object) -> bytes:
    return bytes.fromhex(cast(str, text)[2:])
