"""Messages joined into one Avro object container file, with a mark behind each.

A container knows no borders between its records: one byte too many in a body would shift every field behind
it, also those of the rows that follow. So behind each body stands a mark of 13 bytes, a separator that no
message holds and the frame of the next message, which is a last field `fixed(13)` of the container's schema:
a body that does not end where its message ends has something else there. The frame alone would not do: a
message that was doubled, frame included, would be two rows.

Format: https://avro.apache.org/docs/1.12.0/specification/#object-container-files
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas.codec.model import Schema
from schemas.codec.varint import encode
from schemas.wire import HEADER_SIZE

SEPARATOR_SIZE: Final = 8
MARK: Final = "mark_"
MARK_SIZE: Final = SEPARATOR_SIZE + HEADER_SIZE
_SYNC: Final = b"headwater-joined"
_MAGIC: Final = b"Obj\x01"


@dataclass(frozen=True, slots=True)
class Container:
    """Containers of the messages of one writer's schema; `frame` are the five bytes that they begin with."""

    frame: bytes
    separator: bytes
    head: bytes

    def joined(self, values: Sequence[bytes]) -> Sequence[bytes | memoryview] | None:
        """The container in parts, to be joined. None when a value has another frame."""
        mark = self.separator + self.frame
        data = self.separator.join(values)
        if not data.startswith(self.frame) or data.count(mark) != len(values) - 1:
            return None
        bodies = memoryview(data)[HEADER_SIZE:]
        return self.head, encode(len(values)), encode(len(bodies) + MARK_SIZE), bodies, mark, _SYNC


def container(schema: Schema, frame: bytes, separator: bytes) -> Container:
    """The containers of a writer's schema, which is a record; `separator` are random bytes."""
    plain = _plain(schema, _enums(schema))
    if not isinstance(plain, dict):
        raise TypeError("a message's schema is a record")
    mark = {"name": MARK, "type": {"type": "fixed", "name": "Mark_", "size": MARK_SIZE}}
    text = json.dumps(plain | {"fields": [*plain["fields"], mark]}, separators=(",", ":")).encode()
    key = b"avro.schema"
    metadata = encode(1) + encode(len(key)) + key + encode(len(text)) + text + b"\x00"
    return Container(frame, separator, _MAGIC + metadata + _SYNC)


def _enums(schema: Schema) -> set[str]:
    match schema:
        case {"type": "enum", "name": str(name)}:
            return {name}
        case dict():
            return set().union(*map(_enums, schema.values()))
        case list():
            return set().union(*map(_enums, schema))
        case _:
            return set()


def _plain(schema: Schema, enums: set[str]) -> Schema:
    """The schema as ClickHouse is to read it: integers for times and enums, whose symbols it looks up
    without asking whether there are so many.
    """
    match schema:
        case {"type": "enum"}:
            return "int"
        case dict():
            return {
                key: value if key == "name" else _plain(value, enums)
                for key, value in schema.items()
                if key not in ("doc", "default", "logicalType", "aliases")
            }
        case list():
            return [_plain(each, enums) for each in schema]
        case str() if schema.rpartition(".")[2] in enums:
            return "int"
        case _:
            return schema
