"""What each field of a struct may hold, read off its annotation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from headwater.evm.answers.shapes import EXTRA, Answer, Digits, Octets


@dataclass(frozen=True, slots=True)
class Text:
    """Text of any kind; a number is taken as its digits."""


@dataclass(frozen=True, slots=True)
class Flag:
    """A JSON boolean."""


@dataclass(frozen=True, slots=True)
class Items:
    """A list of one kind."""

    of: FieldType


FieldType = Digits | Octets | Text | Flag | Items | type[Answer]


@dataclass(frozen=True, slots=True)
class Field:
    """`name` as JSON has it. `needed`: a record cannot be without it. `says_null`: null is not absent."""

    name: str
    kind: FieldType
    needed: bool
    says_null: bool


@cache
def fields_of(shape: type[Answer]) -> dict[str, Field]:
    """The fields that a struct models, by their JSON names."""
    hints = get_type_hints(shape, include_extras=True)
    return {
        each.encode_name: Field(
            each.encode_name, _kind(hints[each.name]), each.required, each.default is msgspec.UNSET
        )
        for each in msgspec.structs.fields(shape)
        if each.encode_name != EXTRA
    }


@cache
def hex_fields(shape: type[Answer], before: str | None = None) -> int:
    """How many of a struct's fields, from the first to that named `before`, are hex text; they must all be.

    Raises TypeError where one is not.
    """
    own = list(shape.__struct_fields__)
    count = len(own) if before is None else own.index(before)
    kinds = list(fields_of(shape).values())[:count]
    if not all(isinstance(each.kind, Digits | Octets) for each in kinds):
        raise TypeError(f"{shape.__name__}: a field before {before} is not hex text")
    return count


def _kind(hint: object) -> FieldType:
    origin = get_origin(hint)
    if origin is Annotated:
        return next(each for each in get_args(hint) if isinstance(each, Digits | Octets))
    if origin in (Union, UnionType):
        absent = (type(None), msgspec.UnsetType)
        return _kind(next(each for each in get_args(hint) if each not in absent))
    if origin is list:
        return Items(_kind(get_args(hint)[0]))
    return hint if isinstance(hint, type) and issubclass(hint, Answer) else _PLAIN[hint]


_PLAIN: Final[dict[object, FieldType]] = {str: Text(), bool: Flag()}
