"""The schemas that come with the package, one file per stream, and their codecs."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from schemas.codec.codec import Codec
from schemas.codec.model import Record, parse

_FOLDER = "avro"
_FROZEN = "examples"


@cache
def streams() -> tuple[str, ...]:
    """The names of all streams that have a schema."""
    files = resources.files("schemas").joinpath(_FOLDER).iterdir()
    return tuple(sorted(each.name.removesuffix(".avsc") for each in files if each.name.endswith(".avsc")))


@cache
def schema_text(stream: str) -> str:
    """The schema file of a stream. Raises KeyError when there is none."""
    if stream not in streams():
        raise KeyError(f"no schema schemas/avro/{stream}.avsc; there are {', '.join(streams())}")
    return resources.files("schemas").joinpath(_FOLDER, f"{stream}.avsc").read_text("utf-8")


def schema_of(stream: str) -> dict[str, Any]:
    """The schema of a stream as parsed JSON."""
    schema: dict[str, Any] = json.loads(schema_text(stream))
    return schema


@cache
def version_of(stream: str) -> int:
    """The number of our version of a stream's schema: the last one that was frozen (see `history`).

    Raises KeyError when none was.
    """
    folder = resources.files("schemas").joinpath(_FROZEN, stream)
    names = [each.name for each in folder.iterdir()] if folder.is_dir() else []
    numbers = [int(name[1:].removesuffix(".avsc")) for name in names if name.endswith(".avsc")]
    if not numbers:
        raise KeyError(f"no version of {stream} is frozen; run `headwater schemas freeze {stream}`")
    return max(numbers)


@cache
def codec_for(stream: str) -> Codec:
    """The codec of a stream's records; its errors name the subject `<stream>`."""
    root, _ = parse(schema_of(stream))
    if not isinstance(root, Record):
        raise ValueError(f"the schema of {stream} is not a record")
    return Codec(stream, root)


@cache
def codec_for_record(stream: str, record: str) -> Codec:
    """The codec of a record type that a stream's schema defines within it, by its short name."""
    _, names = parse(schema_of(stream))
    for full, node in names.items():
        if isinstance(node, Record) and full.rpartition(".")[2] == record:
            return Codec(f"{stream}#{record}", node)
    raise KeyError(f"the schema of {stream} defines no record {record}")
