"""What the codec gives for an internal block message: its own values, and its records as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

COMMON = ("chain_id", "block_number", "block_hash", "block_timestamp", "sequence", "removed")
"""The fields that all public records of a block share, first in each public schema and in this order."""

Selection: TypeAlias = Mapping[str, Sequence[str] | None]
"""Field of a message → names of the columns wanted of its records, or None for all there is of the field."""


@dataclass(frozen=True, slots=True)
class Records:
    """The records of an array: `columns[name][n]` and `bodies[n]` belong to record n.

    A body is the record's own Avro bytes, ready to stand in another message of the same record type.
    """

    count: int
    columns: dict[str, list[object]]
    bodies: list[bytes]

    def rows(self, *names: str) -> zip[tuple[object, ...]]:
        """The records as tuples of the named columns."""
        return zip(*(self.columns[name] for name in names), strict=True)


@dataclass(frozen=True, slots=True)
class Message:
    """The chosen fields of one message.

    `values` has every chosen field that is not an array of records; `bodies` the own bytes of those that are
    a record (absent where the field is null); `records` the arrays of records.
    """

    values: dict[str, object]
    bodies: dict[str, bytes]
    records: dict[str, Records]

    def __getitem__(self, field: str) -> object:
        return self.values[field]
