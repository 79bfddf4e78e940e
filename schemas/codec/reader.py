"""Generates the readers of a schema: straight-line code over one `bytes`, positions in a local variable.

Checks cost nearly nothing because three facts carry them: an index past the end raises by itself, lengths
come from tables without negative ones, and the position after the last field must be the end of the value
(a slice that was cut short leaves the position beyond it). Whatever raises one of `FAILURES`, unusual but
legal bytes included, is read again by `strict.StrictReader`, which decides.

Two ways of reading a field share the code: into a variable, or past it (`target` None).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from schemas.codec.model import Array, Enum, Field, Fixed, Map, Node, Primitive, Record, Union, least_size
from schemas.codec.primitive_reader import PrimitiveReader

FAILURES = (TypeError, ValueError, LookupError, RecursionError, OverflowError, struct.error)

_UNROLLED = 4
_RUN = 4


class ReaderSource(PrimitiveReader):
    """Readers of one module. `at` is the static distance of the next byte from the variable `i`."""

    def __init__(self) -> None:
        super().__init__()
        self._functions: dict[tuple[int, bool], str] = {}
        self._pending: list[tuple[str, Node, bool]] = []

    def function(self, node: Node, *, skip: bool = False) -> str:
        """The name of `f(b, i)`: → (value, position), or → position where it only skips."""
        key = (id(node), skip)
        if key not in self._functions:
            self._functions[key] = name = self.source.fresh("skip" if skip else "read")
            self._pending.append((name, node, skip))
        return self._functions[key]

    def flush(self) -> None:
        """Generates the functions that were named so far."""
        while self._pending:
            name, node, skip = self._pending.pop()
            with self.source.block(f"def {name}(b, i):"):
                self.at = 0
                self._definition(node, skip)

    def _definition(self, node: Node, skip: bool) -> None:
        line = self.source.line
        if isinstance(node, Record):
            targets = [None if skip else f"f{number}" for number in range(len(node.fields))]
            self.fields(node.fields, targets)
            self.settle()
            items = ", ".join(
                f"{each.name!r}: {target}" for each, target in zip(node.fields, targets, strict=True)
            )
            line("return i" if skip else f"return {{{items}}}, i")
        elif isinstance(node, Map):
            self._map(node, skip)
        else:
            self.value(node, None if skip else "v")
            self.settle()
            line("return i" if skip else "return v, i")

    def fields(self, fields: Sequence[Field], targets: Sequence[str | None]) -> None:
        """Code for fields one after the other; runs of optional fields are tried as all null at once."""
        at = 0
        while at < len(fields):
            run = at
            while (
                run < len(fields)
                and isinstance(node := fields[run].type, Union)
                and node.optional is not None
            ):
                run += 1
            if run - at >= _RUN:
                self._optional_run(fields[at:run], targets[at:run])
                at = run
            else:
                self.value(fields[at].type, targets[at])
                at += 1

    def _optional_run(self, fields: Sequence[Field], targets: Sequence[str | None]) -> None:
        line, block = self.source.line, self.source.block
        nulls = bytes(each.type.optional[0] * 2 for each in fields)  # type: ignore[union-attr, index]
        named = [target for target in targets if target]
        self.settle()
        with block(f"if b[i:i + {len(nulls)}] == {nulls!r}:"):
            line(f"i += {len(nulls)}")
            if named:
                line(" = ".join([*named, "None"]))
        with block("else:"):
            for each, target in zip(fields, targets, strict=True):
                self.value(each.type, target)
            self.settle()

    def value(self, node: Node, target: str | None) -> None:
        """Code that reads one value into `target`, or past it."""
        line = self.source.line
        match node:
            case Primitive(kind):
                self.primitive(kind, target)
            case Fixed(_, size):
                if target:
                    line(f"{target} = b[{self.here()}:{self.here(size)}]")
                self.at += size
            case Enum(_, symbols, _):
                table = dict(zip(range(0, 128, 2), symbols, strict=False))
                self.from_table(self.source.constant("symbols", table), target)
            case Union() if node.optional is not None:
                self._optional(*node.optional, target)
            case Array(items):
                self._array(items, target)
            case _:
                self.settle()
                if target:
                    line(f"{target}, i = {self.function(node)}(b, i)")
                else:
                    line(f"i = {self.function(node, skip=True)}(b, i)")

    def _optional(self, null: int, node: Node, target: str | None) -> None:
        line, block = self.source.line, self.source.block
        line(f"x = b[{self.here()}]")
        line(f"i += {self.at + 1}")
        self.at = 0
        with block("if not x:" if null == 0 else f"if x == {2 * null}:"):
            line(f"{target} = None" if target else "pass")
        with block(f"elif x == {2 - 2 * null}:"):
            self.value(node, target)
            self.settle()
        with block("else:"):
            line("raise Odd")

    def _array(self, items: Node, target: str | None) -> None:
        line = self.source.line
        if isinstance(items, Fixed) and items.size:
            self._fixed_array(items.size, target)
            return
        if target:
            line(f"{target} = []")
        with self.blocks(items):
            if target:
                item = self.source.fresh("e")
                line(f"{item}, i = {self.function(items)}(b, i)")
                line(f"{target}.append({item})")
            else:
                line(f"i = {self.function(items, skip=True)}(b, i)")

    def blocks(self, items: Node, key: int = 0) -> _Blocks:
        """`with`: the body reads one item, for all items of all blocks; sized blocks are left to strict."""
        return _Blocks(self, least_size(items) + key)

    def _fixed_array(self, size: int, target: str | None) -> None:
        line, block = self.source.line, self.source.block
        line(f"x = b[{self.here()}]")
        line(f"i += {self.at + 1}")
        self.at = 0
        for count in range(_UNROLLED + 1):
            with block(f"{'elif' if count else 'if'} x == {2 * count}:"):
                if target:
                    slices = ", ".join(
                        f"b[i{f' + {size * n}' if n else ''}:i + {size * n + size}]" for n in range(count)
                    )
                    line(f"{target} = [{slices}]")
                if count:
                    with block(f"if b[i + {size * count}]:"):
                        line("raise Odd")
                    line(f"i += {size * count + 1}")
                elif not target:
                    line("pass")
        with block("else:"):
            line("i -= 1")
            self.count()
            line(f"j = i + n * {size}")
            with block("if b[j]:"):
                line("raise Odd")
            if target:
                line(f"{target} = [b[k:k + {size}] for k in range(i, j, {size})]")
            line("i = j + 1")

    def _map(self, node: Map, skip: bool) -> None:
        line = self.source.line
        key, item = (None, None) if skip else ("key", "item")
        if not skip:
            line("result = {}")
        with self.blocks(node.values, key=1):
            self.sized(key, text=True)
            self.value(node.values, item)
            self.settle()
            if not skip:
                line("result[key] = item")
        line("return i" if skip else "return result, i")


class _Blocks:
    """Generates the loops over an array's or map's blocks around the body of a `with`."""

    def __init__(self, reader: ReaderSource, least: int) -> None:
        self._reader = reader
        self._least = least

    def __enter__(self) -> None:
        reader, line = self._reader, self._reader.source.line
        reader.count()
        self._outer = reader.source.block("while n:")
        self._outer.__enter__()
        if self._least:
            with reader.source.block(f"if n * {self._least} > len(b) - i:"):
                line("raise Odd")
        else:
            with reader.source.block("if n > 65536:"):
                line("raise Odd")
        self._inner = reader.source.block("for _ in range(n):")
        self._inner.__enter__()

    def __exit__(self, *exc: object) -> None:
        self._reader.settle()
        self._inner.__exit__(None, None, None)
        self._reader.count()
        self._outer.__exit__(None, None, None)
