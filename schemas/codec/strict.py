"""The reader that decides: it walks the schema byte by byte and knows where it is.

Generated readers hand it what they do not decode themselves. It either returns the record (unusual but
legal bytes: sized array blocks, over-long integers) or raises MalformedRecord with offset and field.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from schemas.codec.model import Array, Enum, Fixed, Map, Node, Primitive, Record, Union, least_size
from schemas.codec.varint import INT_RANGE
from schemas.errors import MalformedRecord

_MOST_EMPTY_ITEMS = 1 << 20
_MOST_NESTED = 200
_FLOAT, _DOUBLE = struct.Struct("<f"), struct.Struct("<d")


class StrictReader:
    """One value being read; `at` is the position of the next byte."""

    def __init__(self, data: bytes, at: int, subject: str, schema_id: int | None) -> None:
        self.data = data
        self.at = at
        self._subject = subject
        self._schema_id = schema_id
        self._depth = 0

    def malformed(self, path: str, reason: str, at: int | None = None) -> MalformedRecord:
        where = self.at if at is None else at
        return MalformedRecord(self._subject, self._schema_id, min(where, len(self.data)), path, reason)

    def end(self) -> None:
        if self.at != len(self.data):
            raise self.malformed("", f"{len(self.data) - self.at} bytes follow the record")

    def take(self, size: int, path: str) -> bytes:
        left = len(self.data) - self.at
        if size > left:
            raise self.malformed(path, f"truncated: {size} bytes wanted, {left} left")
        self.at += size
        return self.data[self.at - size : self.at]

    def long(self, path: str) -> int:
        z, start = 0, self.at
        for shift in range(0, 70, 7):
            if self.at >= len(self.data):
                raise self.malformed(path, "truncated inside an integer")
            byte = self.data[self.at]
            self.at += 1
            z |= (byte & 127) << shift
            if byte < 128:
                break
        else:
            raise self.malformed(path, "integer of more than ten bytes", start)
        if z >> 64:
            raise self.malformed(path, "integer of more than 64 bits", start)
        return (z >> 1) ^ -(z & 1)

    def size(self, path: str) -> int:
        start = self.at
        size = self.long(path)
        if size < 0:
            raise self.malformed(path, f"negative length {size}", start)
        return size

    def read(self, node: Node, path: str) -> object:
        """The value of a node. Raises MalformedRecord."""
        match node:
            case Primitive(kind):
                return self._primitive(kind, path)
            case Fixed(_, size):
                return self.take(size, path)
            case Enum(_, symbols, _):
                start = self.at
                position = self.long(path)
                if not 0 <= position < len(symbols):
                    raise self.malformed(path, f"enum has no symbol {position}", start)
                return symbols[position]
            case Union(branches):
                return self.read(branches[self.branch(node, path)], path)
            case Array(items):
                return [self.read(items, f"{path}[{n}]") for n in self._numbers(node, items, path)]
            case Map(values):
                result = {}
                for _ in self._numbers(node, values, path):
                    key = self._primitive("string", f"{path} (key)")
                    result[key] = self.read(values, f"{path}[{key!r}]")
                return result
            case Record():
                return self.record(node, path)

    def record(self, node: Record, path: str) -> dict[str, object]:
        if self._depth >= _MOST_NESTED:
            raise self.malformed(path, f"more than {_MOST_NESTED} records within each other")
        self._depth += 1
        stem = f"{path}." if path else ""
        result = {each.name: self.read(each.type, stem + each.name) for each in node.fields}
        self._depth -= 1
        return result

    def elements(self, node: Node, record: Record, path: str) -> list[tuple[dict[str, object], bytes]]:
        """The records of an array, each with its own bytes."""
        found = []
        for number in self._numbers(node, record, path):
            start = self.at
            found.append((self.record(record, f"{path}[{number}]"), self.data[start : self.at]))
        return found

    def one(self, node: Node, path: str) -> tuple[dict[str, object] | None, bytes | None]:
        """A field that is a record, or null: (record, its own bytes), or (None, None)."""
        if isinstance(node, Union):
            node = node.branches[self.branch(node, path)]
        if not isinstance(node, Record):
            self.read(node, path)  # null, without a byte
            return None, None
        start = self.at
        record = self.record(node, path)
        return record, self.data[start : self.at]

    def branch(self, union: Union, path: str) -> int:
        """The index of the branch that follows."""
        start = self.at
        branch = self.long(path)
        if not 0 <= branch < len(union.branches):
            raise self.malformed(path, f"union has no branch {branch}", start)
        return branch

    def _primitive(self, kind: str, path: str) -> object:
        start = self.at
        match kind:
            case "null":
                return None
            case "boolean":
                byte = self.take(1, path)[0]
                if byte > 1:
                    raise self.malformed(path, f"boolean is 0x{byte:02x}", start)
                return byte == 1
            case "int":
                number = self.long(path)
                if number not in INT_RANGE:
                    raise self.malformed(path, f"{number} is not a 32-bit integer", start)
                return number
            case "long":
                return self.long(path)
            case "float":
                return _FLOAT.unpack(self.take(4, path))[0]
            case "double":
                return _DOUBLE.unpack(self.take(8, path))[0]
            case "bytes":
                return self.take(self.size(path), path)
            case _:
                size = self.size(path)
                start = self.at
                data = self.take(size, path)
                try:
                    return data.decode()
                except UnicodeDecodeError as error:
                    raise self.malformed(path, "not UTF-8", start + error.start) from None

    def _numbers(self, node: Node, item: Node, path: str) -> Iterator[int]:
        """Counts up through the items of all blocks, negative (sized) ones included."""
        least = least_size(item) + (1 if isinstance(node, Map) else 0)
        number = 0
        while True:
            start = self.at
            count = self.long(path)
            if count == 0:
                return
            sized = None
            if count < 0:
                count = -count
                size = self.size(path)
                sized = self.at + size
            left = len(self.data) - self.at
            if count * least > left or (least == 0 and number + count > _MOST_EMPTY_ITEMS):
                raise self.malformed(path, f"{count} items cannot stand in {left} bytes", start)
            for _ in range(count):
                yield number
                number += 1
            if sized is not None and self.at != sized:
                raise self.malformed(path, f"a block of {size} bytes holds other than that", start)
