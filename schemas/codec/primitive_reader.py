"""Generated code that reads Avro's primitive values: integers by tables, lengths, texts."""

from __future__ import annotations

import struct

from schemas.codec.source import Source
from schemas.codec.varint import (
    COUNT,
    COUNTS,
    ONE_BYTE,
    TWO_BYTES,
    Odd,
    read_count,
    read_wide_int,
    read_wide_long,
)

_TWO_FLAGS = (128 << 7) + 128


class PrimitiveReader:
    """Readers' source with a position: the next byte is `at` bytes after the variable `i`, known statically.

    `target` is the variable that a value goes into, None to pass over it.
    """

    def __init__(self) -> None:
        self.source = Source()
        self.source.namespace.update(
            {
                "Odd": Odd,
                "U1": ONE_BYTE,
                "U2": TWO_BYTES,
                "C1": COUNT,
                "C2": COUNTS,
                "read_wide_long": read_wide_long,
                "read_wide_int": read_wide_int,
                "read_count": read_count,
                "unpack_float": struct.Struct("<f").unpack_from,
                "unpack_double": struct.Struct("<d").unpack_from,
            }
        )
        self.at = 0

    def here(self, more: int = 0) -> str:
        distance = self.at + more
        return f"i + {distance}" if distance else "i"

    def settle(self) -> None:
        """Makes `i` the position of the next byte."""
        if self.at:
            self.source.line(f"i += {self.at}")
            self.at = 0

    def from_table(self, table: str, target: str | None) -> None:
        looked_up = f"{table}[b[{self.here()}]]"
        self.source.line(f"{target} = {looked_up}" if target else looked_up)
        self.at += 1

    def primitive(self, kind: str, target: str | None) -> None:
        line = self.source.line
        match kind:
            case "null":
                if target:
                    line(f"{target} = None")
            case "boolean":
                self.from_table(self.source.constant("booleans", (False, True)), target)
            case "int" | "long":
                self._integer(kind, target)
            case "float" | "double":
                if target:
                    line(f"{target} = unpack_{kind}(b, {self.here()})[0]")
                self.at += 4 if kind == "float" else 8
            case _:
                self.sized(target, text=kind == "string")

    def _integer(self, kind: str, target: str | None) -> None:
        line, block = self.source.line, self.source.block
        line(f"x = b[{self.here()}]")
        with block("if x < 128:"):
            if target:
                line(f"{target} = U1[x]")
            line(f"i += {self.at + 1}")
        with block("else:"):
            line(f"y = b[{self.here(1)}]")
            with block("if y < 128:"):
                if target:
                    line(f"{target} = U2[(y << 7) + x - 128]")
                line(f"i += {self.at + 2}")
            with block("else:"):
                line(f"z = b[{self.here(2)}]")
                with block("if z < 128:"):
                    if target:
                        line(f"z = (z << 14) + (y << 7) + x - {_TWO_FLAGS}")
                        line(f"{target} = (z >> 1) ^ -(z & 1)")
                    line(f"i += {self.at + 3}")
                with block("else:"):
                    line(f"{target or 'x'}, i = read_wide_{kind}(b, {self.here()})")
        self.at = 0

    def count(self) -> None:
        """The next length or count into `n`, `i` behind it."""
        line, block = self.source.line, self.source.block
        line(f"x = b[{self.here()}]")
        with block("if x < 128:"):
            line("n = C1[x]")
            line(f"i += {self.at + 1}")
        with block("else:"):
            self._long_count()

    def _long_count(self) -> None:
        """The same when its first byte is in `x` and not the last."""
        line, block = self.source.line, self.source.block
        line(f"y = b[{self.here(1)}]")
        with block("if y < 128:"):
            line("n = C2[(y << 7) + x - 128]")
            line(f"i += {self.at + 2}")
        with block("else:"):
            line(f"n, i = read_count(b, {self.here()})")
        self.at = 0

    def sized(self, target: str | None, *, text: bool) -> None:
        if not target:
            self.count()
            self.source.line("i += n")
            return
        line, block = self.source.line, self.source.block
        line(f"x = b[{self.here()}]")
        with block("if x < 128:"):
            line(f"i += {self.at + 1}")
            line("j = i + C1[x]")
        with block("else:"):
            self._long_count()
            line("j = i + n")
        line(f"{target} = b[i:j]{'.decode()' if text else ''}")
        line("i = j")
