"""Names the field that cannot be written: called after a generated writer failed, at leisure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.codec.model import (
    MISSING,
    Array,
    Enum,
    Fixed,
    Map,
    Node,
    Primitive,
    Record,
    Union,
)
from schemas.codec.union import branch_of
from schemas.codec.varint import INT_RANGE, LONG_RANGE
from schemas.errors import WrongValue

_INTEGERS = {"int": INT_RANGE, "long": LONG_RANGE}
_SHOWN = 60


def explain(subject: str, node: Node, value: object, error: Exception) -> WrongValue:
    """The error that says which field of `value` cannot be written, and why."""
    path, reason = _fault(node, value, "") or ("", f"{type(error).__name__}: {error}")
    return WrongValue(subject, path, reason)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({type(value).__name__})"


def _fault(node: Node, value: object, path: str) -> tuple[str, str] | None:
    match node:
        case Record():
            return _record_fault(node, value, path)
        case Array(items):
            if not isinstance(value, Sequence) or isinstance(value, str | bytes | bytearray):
                return path, f"{_shown(value)} is not an array"
            faults = (_fault(items, each, f"{path}[{number}]") for number, each in enumerate(value))
            return next(filter(None, faults), None)
        case Map(values):
            if not isinstance(value, Mapping):
                return path, f"{_shown(value)} is not a map"
            for key, each in value.items():
                fault = _text_fault(key, f"{path} (key)") or _fault(values, each, f"{path}[{key!r}]")
                if fault:
                    return fault
            return None
        case Union():
            return _union_fault(node, value, path)
        case Fixed(name, size):
            if not isinstance(value, bytes | bytearray | memoryview):
                return path, f"{_shown(value)} is not a fixed {name} of {size} bytes"
            return (
                None if len(value) == size else (path, f"{len(value)} bytes for {name}, which takes {size}")
            )
        case Enum(name, symbols, _):
            is_symbol = isinstance(value, str) and value in symbols
            return None if is_symbol else (path, f"{_shown(value)} is not a symbol of {name}")
        case Primitive(kind):
            return _primitive_fault(kind, value, path)


def _record_fault(node: Record, value: object, path: str) -> tuple[str, str] | None:
    if isinstance(value, bytes) and path:
        return None
    if not isinstance(value, Mapping):
        return path, f"{_shown(value)} is not a record {node.name}"
    stem = f"{path}." if path else ""
    for each in node.fields:
        if each.name not in value and each.default is MISSING:
            return stem + each.name, "missing, and it has no default"
        fault = _fault(each.type, value.get(each.name, each.default), stem + each.name)
        if fault:
            return fault
    return None


def _union_fault(node: Union, value: object, path: str) -> tuple[str, str] | None:
    optional = node.optional
    if optional is not None:
        return None if value is None else _fault(optional[1], value, path)
    try:
        index, chosen = branch_of(node, value)
    except TypeError as error:
        return path, str(error)
    return _fault(node.branches[index], chosen, path)


def _primitive_fault(kind: str, value: object, path: str) -> tuple[str, str] | None:
    match kind:
        case "int" | "long":
            if not hasattr(value, "__index__"):
                return path, f"{_shown(value)} is not {'an' if kind == 'int' else 'a'} {kind}"
            return (
                None if int(value) in _INTEGERS[kind] else (path, f"{_shown(value)} does not fit in {kind}")
            )
        case "string":
            return _text_fault(value, path)
        case "bytes":
            is_bytes = isinstance(value, bytes | bytearray | memoryview)
            return None if is_bytes else (path, f"{_shown(value)} is not bytes")
        case "boolean":
            return None if value is True or value is False else (path, f"{_shown(value)} is not a boolean")
        case "null":
            return None if value is None else (path, f"{_shown(value)} is not null")
        case _:
            is_number = isinstance(value, int | float)
            return (
                None
                if is_number
                else (path, f"{_shown(value)} is not {'an' if kind == 'int' else 'a'} {kind}")
            )


def _text_fault(value: object, path: str) -> tuple[str, str] | None:
    if not isinstance(value, str):
        return (
            path,
            f"{_shown(value)} is not a string" if value is not None else "None, and it is not nullable",
        )
    try:
        value.encode()
    except UnicodeEncodeError as error:
        return path, f"{_shown(value)} has no UTF-8 form: {error.reason}"
    return None
