"""Names the field that could not be encoded: called after a failure, so speed does not matter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Annotated, get_args, get_origin, get_type_hints

import msgspec

from streams.logic.normalize.answers import Answer, Block, Digits, Octets, Receipt

# What `int` reads: it refuses a decimal that begins with 0.
_NUMBER = re.compile(r"0x[0-9a-fA-F]+|0+|[1-9][0-9]*", re.ASCII)
_OCTETS = re.compile(r"0x(?:[0-9a-fA-F]{2})*", re.ASCII)
_MAY_BE_EMPTY = frozenset({"to", "contractAddress", "root", "nonce", "logsBloom"})
_SIZES = {"to": 20, "contractAddress": 20, "root": 32}
_SHOWN = 80


def fault_of(block: Block, receipts: Sequence[Receipt]) -> str | None:
    """Path, value and what is wrong with it, of the first bad field; None when every field reads well."""
    fault = _fault(block, "")
    for position, receipt in enumerate(receipts):
        fault = fault or _fault(receipt, f"receipts[{position}].")
    return fault


def _fault(record: Answer, path: str) -> str | None:
    for attribute, name, kind in _fields(type(record)):
        value = getattr(record, attribute)
        for place, each in enumerate(value) if isinstance(value, list) else ((None, value),):
            own = path + name if place is None else f"{path}{name}[{place}]"
            fault = _fault(each, f"{own}.") if isinstance(each, Answer) else _reason(own, name, each, kind)
            if fault:
                return fault
    return None


def _reason(path: str, name: str, value: object, kind: Digits | Octets | None) -> str | None:
    if kind is None or not isinstance(value, str):
        return None
    shown = value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"
    if isinstance(kind, Digits):
        if kind.may_be_empty and value == "0x":
            return None
        if not _NUMBER.fullmatch(value):
            return f"{path} is {shown!r}, which is not a quantity"
        if int(value, 0).bit_length() > kind.bits:
            return f"{path} is {shown}, which does not fit in {kind.bits} bits"
        return None
    if not _OCTETS.fullmatch(value):
        return f"{path} is {shown!r}, which is not 0x-hex of whole bytes"
    size = kind.size if kind.size is not None else _SIZES.get(name)
    count = len(value) // 2 - 1
    if size is not None and count != size and not (count == 0 and name in _MAY_BE_EMPTY):
        return f"{path} has {count} bytes, not {size}"
    return None


@cache
def _fields(shape: type[Answer]) -> tuple[tuple[str, str, Digits | Octets | None], ...]:
    """(attribute, JSON name, what its text is) of each field."""
    hints = get_type_hints(shape, include_extras=True)
    return tuple(
        (each.name, each.encode_name, _kind(hints[each.name])) for each in msgspec.structs.fields(shape)
    )


def _kind(hint: object) -> Digits | Octets | None:
    if get_origin(hint) is Annotated:
        return next((each for each in get_args(hint) if isinstance(each, Digits | Octets)), None)
    return next((kind for each in get_args(hint) if (kind := _kind(each)) is not None), None)
