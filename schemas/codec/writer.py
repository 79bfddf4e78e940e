"""Generates the writers of a schema: positional functions that join tables' bytes, without a byte buffer.

What a generated writer does not recognise makes it raise one of `FAILURES`; `Codec` then asks `check` for
the field and the reason. Nothing is ever written short: lengths of fixed values are compared, integers come
from tables that know their range.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from schemas.codec.model import MISSING, Array, Enum, Field, Fixed, Map, Node, Primitive, Record, Union
from schemas.codec.source import Source
from schemas.codec.union import branch_of
from schemas.codec.varint import INT_RANGE, LONG_RANGE, Encodings, OptionalEncodings, encode, symbols

FAILURES = (TypeError, ValueError, AttributeError, LookupError, OverflowError, RecursionError, struct.error)

_LONGS = Encodings(LONG_RANGE, room=1 << 16)
_INTS = Encodings(INT_RANGE)
_OPTIONAL: dict[tuple[str, int], OptionalEncodings] = {}
_BOOLEANS = {False: b"\x00", True: b"\x01"}
_RUN = 3


def _optional_integers(kind: str, null: int) -> OptionalEncodings:
    key = (kind, null)
    if key not in _OPTIONAL:
        allowed = INT_RANGE if kind == "int" else LONG_RANGE
        _OPTIONAL[key] = OptionalEncodings(allowed, null=encode(null), prefix=encode(1 - null))
    return _OPTIONAL[key]


def fill(fields: Sequence[Field], record: Mapping[str, object]) -> list[object]:
    """The values in field order, defaults where they are missing. Raises KeyError without a default."""
    values = []
    for each in fields:
        value = record.get(each.name, each.default)
        if value is MISSING:
            raise KeyError(each.name)
        values.append(value)
    return values


class WriterSource:
    """Writers of one module; `functions` of nested types are generated when first used."""

    def __init__(self) -> None:
        self.source = Source()
        self.source.namespace.update(
            {"Z": _LONGS, "I": _INTS, "B": _BOOLEANS, "join": b"".join, "fill": fill, "branch_of": branch_of}
        )
        self._functions: dict[int, str] = {}
        self._pending: list[tuple[str, Node]] = []

    def positional(self, name: str, fields: Sequence[Field]) -> None:
        """`name(*values)` → bytes of these fields, one after the other."""
        arguments = [f"v{number}" for number in range(len(fields))]
        with self.source.block(f"def {name}({', '.join(arguments)}):"):
            self._body(fields, arguments)
        self._flush()

    def whole(self, name: str, node: Node) -> None:
        """`name(value)` → bytes of a value."""
        function = self._function(node)
        self._flush()
        self.source.line(f"{name} = {function}")

    def _function(self, node: Node) -> str:
        if id(node) not in self._functions:
            self._functions[id(node)] = name = self.source.fresh("w")
            self._pending.append((name, node))
        return self._functions[id(node)]

    def _flush(self) -> None:
        while self._pending:
            name, node = self._pending.pop()
            with self.source.block(f"def {name}(v):"):
                self._definition(node)

    def _definition(self, node: Node) -> None:
        line, block = self.source.line, self.source.block
        match node:
            case Record():
                names = [f"f{number}" for number in range(len(node.fields))]
                if not names:
                    line("v.keys()")
                    line("return b''")
                    return
                with block("try:"):
                    for name, each in zip(names, node.fields, strict=True):
                        line(f"{name} = v[{each.name!r}]")
                with block("except KeyError:"):
                    line(f"{', '.join(names)}, = fill({self.source.constant('fields', node.fields)}, v)")
                self._body(node.fields, names)
            case Map(values):
                with block("if not v:"):
                    line("v.keys()")
                    line("return b'\\x00'")
                line("out = [Z[len(v)]]")
                with block("for key, item in v.items():"):
                    line("key = key.encode()")
                    line(f"out += ({', '.join(['Z[len(key)]', 'key', *self._parts(values, 'item')])},)")
                line("out.append(b'\\x00')")
                line("return join(out)")
            case Union(branches):
                line(f"k, v = branch_of({self.source.constant('union', node)}, v)")
                for number, branch in enumerate(branches):
                    with block(f"if k == {number}:"):
                        parts = self._parts(branch, "v")
                        line(f"return {' + '.join([repr(encode(number)), *parts])}")
            case _:
                line(f"return join(({', '.join([*self._parts(node, 'v'), ''])}))")

    def _body(self, fields: Sequence[Field], names: Sequence[str]) -> None:
        """Prelude and return of a sequence of fields; runs of optional fields are tried as one."""
        parts: list[str] = []
        at = 0
        while at < len(fields):
            run = self._run(fields, at)
            if run >= _RUN:
                parts.append(self._optional_run(fields[at : at + run], names[at : at + run]))
                at += run
            else:
                parts += self._parts(fields[at].type, names[at])
                at += 1
        self.source.line(f"return join(({', '.join([*parts, ''])}))" if parts else "return b''")

    @staticmethod
    def _run(fields: Sequence[Field], start: int) -> int:
        at = start
        while at < len(fields) and isinstance(node := fields[at].type, Union) and node.optional is not None:
            at += 1
        return at - start

    def _optional_run(self, fields: Sequence[Field], names: Sequence[str]) -> str:
        whole = self.source.fresh("p")
        nulls = b"".join(encode(each.type.optional[0]) for each in fields)  # type: ignore[union-attr, index]
        with self.source.block(f"if {' and '.join(f'{name} is None' for name in names)}:"):
            self.source.line(f"{whole} = {nulls!r}")
        with self.source.block("else:"):
            parts = [
                part
                for each, name in zip(fields, names, strict=True)
                for part in self._parts(each.type, name)
            ]
            self.source.line(f"{whole} = join(({', '.join(parts)}))")
        return whole

    def _parts(self, node: Node, v: str) -> list[str]:
        """Expressions whose values, joined, are the bytes of `v`; statements they need go before."""
        line, block = self.source.line, self.source.block
        match node:
            case Primitive(kind):
                return self._primitive(kind, v)
            case Fixed(_, size):
                with block(f"if len({v}) != {size}:"):
                    line("raise ValueError")
                return [v]
            case Enum(_, values, _):
                return [f"{self.source.constant('enum', symbols(values))}[{v}]"]
            case Array(items):
                return [self._array(items, v)]
            case Record():
                return [f"({v} if type({v}) is bytes else {self._function(node)}({v}))"]
            case Union() if node.optional is not None:
                return [self._optional(node.optional[0], node.optional[1], v)]
            case _:
                return [f"{self._function(node)}({v})"]

    def _primitive(self, kind: str, v: str) -> list[str]:
        match kind:
            case "null":
                with self.source.block(f"if {v} is not None:"):
                    self.source.line("raise ValueError")
                return []
            case "boolean":
                return [f"B[{v}]"]
            case "int":
                return [f"I[{v}]"]
            case "long":
                return [f"Z[{v}]"]
            case "float" | "double":
                packer = self.source.constant("pack", struct.Struct("<f" if kind == "float" else "<d").pack)
                return [f"{packer}({v})"]
            case "bytes":
                return [f"Z[len({v})]", v]
            case _:
                text = self.source.fresh("t")
                self.source.line(f"{text} = {v}.encode()")
                return [f"Z[len({text})]", text]

    def _array(self, items: Node, v: str) -> str:
        out = self.source.fresh("a")
        with self.source.block(f"if {v}:"):
            match items:
                case Fixed(_, size):
                    same = self.source.constant("sizes", [[size] * number for number in range(9)])
                    expected = f"({same}[len({v})] if len({v}) < 9 else [{size}] * len({v}))"
                    with self.source.block(f"if list(map(len, {v})) != {expected}:"):
                        self.source.line("raise ValueError")
                    joined = f"join({v})"
                case Record():
                    joined = f"join([e if type(e) is bytes else {self._function(items)}(e) for e in {v}])"
                case _:
                    joined = f"join([{self._function(items)}(e) for e in {v}])"
            self.source.line(f"{out} = Z[len({v})] + {joined} + b'\\x00'")
        with self.source.block("else:"):
            self.source.line(f"{out} = (b'\\x00',)[len({v})]")
        return out

    def _optional(self, null: int, node: Node, v: str) -> str:
        null_tag, tag = encode(null), encode(1 - null)
        match node:
            case Primitive("int" | "long" as kind):
                return f"{self.source.constant('optional', _optional_integers(kind, null))}[{v}]"
            case Primitive("boolean"):
                table: dict[object, bytes] = {None: null_tag, False: tag + b"\x00", True: tag + b"\x01"}
                return f"{self.source.constant('optional', table)}[{v}]"
            case Enum(_, values, _):
                table = {None: null_tag, **symbols(values, tag)}
                return f"{self.source.constant('optional', table)}[{v}]"
        out = self.source.fresh("p")
        with self.source.block(f"if {v} is None:"):
            self.source.line(f"{out} = {null_tag!r}")
        with self.source.block("else:"):
            parts = self._parts(node, v)
            self.source.line(f"{out} = {' + '.join([repr(tag), *parts])}")
        return out
