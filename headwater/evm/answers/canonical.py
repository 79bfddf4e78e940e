"""Answers that are not written as the structs have them, in the one form that they do.

`null`, a field left out, "0x" and "" are the same wherever a field can be absent; numbers become quantities,
padded quantities lose their zeros; what no field models goes into the record's extra field. What cannot be
read is named. Called for an answer that does not decode straight away, so speed matters less than words.
"""

from __future__ import annotations

import functools
import re
from typing import Final

import msgspec

from headwater.digits import decimal
from headwater.evm.answers.errors import AnswerError
from headwater.evm.answers.fields import FieldType, Flag, Items, Text, fields_of
from headwater.evm.answers.shapes import (
    EXTRA,
    Answer,
    Authorization,
    Block,
    Digits,
    Extra,
    Octets,
    Transaction,
)

_QUANTITY: Final = re.compile(r"0[xX]([0-9a-fA-F]+)\Z")
_OCTETS: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*\Z")
_SHORT_SEAL: Final = re.compile(r"0x([0-9a-fA-F]{1,15})\Z")
_NO_BLOOM: Final = re.compile(r"0x0*\Z")
_SEAL_DIGITS: Final = 16
_BLOOM_LENGTH: Final = 514
DEEPEST: Final = 64
"""Levels of lists and objects in what no field models: how deep a decoder goes depends on who calls it."""
_NOTHING: Final = frozenset(("0x", ""))
_ABSENT: Final = object()
_SHOWN: Final = 60
_Json = dict[str, object]


def canonical(content: object, shape: type[Answer], path: str = "") -> _Json:
    """A JSON object as `shape` has it. `path` leads to it, with its dot. Raises AnswerError."""
    if not isinstance(content, dict):
        raise AnswerError(f"{path.rstrip('.') or 'the block'} is {shown(content)}, not an object")
    modelled = fields_of(shape)
    if shape is Transaction and "data" in content:
        content = _with_input(content, path)
    found: _Json = {}
    extra = {name: value for name, value in content.items() if name not in modelled}
    for name, each in modelled.items():
        value = content.get(name)
        if name in content and value is None and each.says_null:
            found[name] = None
            continue
        read = _read(value, each.kind, shape, f"{path}{name}")
        if read is not _ABSENT:
            found[name] = read
            if _loses_fields(each.kind, value):
                extra[name] = value
        elif each.needed:
            raise AnswerError(f"{path}{name} is {_lacking(value, each.kind)}")
    if extra:
        if EXTRA not in _names(shape):
            return found  # The record around it keeps the list as it came.
        for name, value in extra.items():
            if isinstance(value, dict | list):
                _refuse_deep(value, f"{path}{name[:_SHOWN]}")
        found[EXTRA] = Extra.of(extra)
    return found


def shown(value: object) -> str:
    """A value in an error, short whatever it is."""
    try:
        text = repr(value)
    except RecursionError:
        text = f"a {type(value).__name__} nested without end"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _with_input(transaction: _Json, path: str) -> _Json:
    """A transaction whose input some nodes and gateways call data, as a request for one does, or both."""
    data, input_ = transaction["data"], transaction.get("input")
    if data is None or _is_nothing(data):
        return transaction
    if input_ is None or _is_nothing(input_):
        return {name: value for name, value in transaction.items() if name != "data"} | {"input": data}
    if str(data).lower() != str(input_).lower():
        raise AnswerError(f"{path}data is {shown(data)}, which differs from its input, {shown(input_)}")
    return transaction


def _refuse_deep(value: object, path: str) -> None:
    """Raises AnswerError for lists and objects that are nested deeper than DEEPEST."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            one
            for each in level
            for one in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
            if isinstance(one, dict | list)
        ]
        if not level:
            return
    raise AnswerError(f"{path} is nested deeper than {DEEPEST} levels")


def _lacking(value: object, kind: FieldType) -> str:
    if value is None:
        return "missing"
    return shown(value) + (f", not {kind.size} bytes" if isinstance(kind, Octets) else "")


def _read(value: object, kind: FieldType, shape: type[Answer], path: str) -> object:
    if value is None:
        return _ABSENT
    match kind:
        case Digits(bits):
            return _quantity(_written_in_tens(value) if shape is Authorization else value, bits, path)
        case Octets(size):
            if shape is Block and path == "nonce":
                value = _seal(value)
            if shape is Block and path == "logsBloom":
                value = _bloom(value)
            if value == "":
                value = "0x"
            return _ABSENT if value is None else _octets(value, size, path)
        case Text():
            return _text(value, path)
        case Flag():
            if _is_nothing(value):
                return _ABSENT
            if not isinstance(value, bool):
                raise AnswerError(f"{path} is {shown(value)}, which is neither true nor false")
            return value
        case Items(of):
            if _is_nothing(value):
                return _ABSENT
            if not isinstance(value, list):
                raise AnswerError(f"{path} is {shown(value)}, not a list")
            return [_item(each, of, shape, f"{path}[{place}]") for place, each in enumerate(value)]
        case _:
            return canonical(value, kind, f"{path}.")


def _item(value: object, kind: FieldType, shape: type[Answer], path: str) -> object:
    if isinstance(kind, type):
        return canonical(value, kind, f"{path}.")
    read = _read(value, kind, shape, path)
    if read is _ABSENT:
        raise AnswerError(f"{path} is {shown(value)}")
    return read


def _quantity(value: object, bits: int, path: str) -> object:
    if _is_nothing(value):
        return _ABSENT
    if type(value) is int and value >= 0:
        number = value
    else:
        match = _QUANTITY.match(value) if isinstance(value, str) else None
        if match is None:
            raise AnswerError(f"{path} is {shown(value)}, which is not a quantity (0x and hex digits)")
        number = int(match[1], 16)
    if number >> bits:
        raise AnswerError(f"{path} is {shown(value)}, which does not fit in {bits} bits")
    return hex(number)


def _written_in_tens(value: object) -> object:
    # Some nodes write the numbers of an authorization in decimal digits, as text (kaia#413).
    number = decimal(value, 256) if isinstance(value, str) else None
    return value if number is None else number


def _octets(value: object, size: int | None, path: str) -> object:
    if not isinstance(value, str) or not _OCTETS.match(value):
        raise AnswerError(f"{path} is {shown(value)}, which is not 0x-hex of whole bytes")
    count = len(value) // 2 - 1
    if size is not None and count != size:
        if count == 0:
            return _ABSENT
        raise AnswerError(f"{path} is {shown(value)}: {count} bytes, not {size}")
    return value


def _is_nothing(value: object) -> bool:
    return isinstance(value, str) and value in _NOTHING


def _bloom(value: object) -> object:
    # Zeros of another length are written by nodes of chains that make none.
    short = isinstance(value, str) and len(value) != _BLOOM_LENGTH and _NO_BLOOM.match(value)
    return None if short else value


def _seal(value: object) -> object:
    # Some nodes write the eight bytes of a header's nonce as a quantity.
    if _is_nothing(value):
        return None
    match = _SHORT_SEAL.match(value) if isinstance(value, str) else None
    return value if match is None else "0x" + match[1].zfill(_SEAL_DIGITS)


def _text(value: object, path: str) -> object:
    if type(value) in (int, float):
        return str(value)
    if not isinstance(value, str):
        raise AnswerError(f"{path} is {shown(value)}, not a text")
    return value


def _loses_fields(kind: FieldType, value: object) -> bool:
    """Whether a list has items that no struct models as they are, and no place of their own for the rest."""
    if not isinstance(kind, Items) or not isinstance(kind.of, type) or not isinstance(value, list):
        return False
    if EXTRA in _names(kind.of):
        return False
    modelled = fields_of(kind.of).keys()
    return any(
        isinstance(each, dict)
        and (
            each.keys() - modelled
            or (kind.of is Authorization and any(_written_in_tens(one) is not one for one in each.values()))
        )
        for each in value
    )


@functools.cache
def _names(shape: type[Answer]) -> frozenset[str]:
    return frozenset(each.encode_name for each in msgspec.structs.fields(shape))
