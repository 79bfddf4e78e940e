"""One entry of the state topic: its kind, the sequence it is of, and a content that its kind reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

import msgspec

from schemas import codec_for

STREAM: Final = "alert-state"
Entry: TypeAlias = tuple[bytes, bytes | None]
"""Key and value, without frame; None deletes."""
_codec = codec_for(STREAM)
_encoder = msgspec.msgpack.Encoder()
_T = TypeVar("_T")


def encoded(content: msgspec.Struct) -> bytes:
    """A content, as an entry has it."""
    return _encoder.encode(content)


def written(entry: str, sequence: int, content: bytes, **more: object) -> bytes:
    """The value of an entry; `more` are the fields of a block."""
    return _codec.write({"entry": entry, "sequence": sequence, "content": content, **more})


def decoded(record: Mapping[str, Any], kind: type[_T]) -> _T:
    """The content of an entry that was read."""
    return msgspec.msgpack.decode(record["content"], type=kind)


def of(entry: str, records: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Those of a kind."""
    return (each for each in records if each["entry"] == entry)
